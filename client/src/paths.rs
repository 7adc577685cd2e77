//! Files by their paths (docs/paths.md): listed, found, moved, copied, deleted.

mod name;
mod time;

use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::json;

use crate::Error;
use crate::api::{Asset, AssetEnvelope, Counted, PathPage};
use crate::edge::{Edge, encode, new_idempotency_key};
use crate::pages::Pages;
pub use name::{check_path, check_prefix};
pub(crate) use time::{milliseconds, of_milliseconds, parse_time, rfc3339};

/// What happens to a file whose path another file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IfExists {
    /// It is refused.
    #[default]
    Fail,
    /// It replaces the other one.
    Replace,
    /// It gets a number.
    KeepBoth,
}

impl IfExists {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            IfExists::Fail => "fail",
            IfExists::Replace => "replace",
            IfExists::KeepBoth => "keep-both",
        }
    }
}

/// Where an uploaded file is to lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its path, as [`check_path`] gives it.
    pub path: String,
    /// What happens if another file has it.
    pub if_exists: IfExists,
    /// Whether the time of the local file's last change is kept.
    pub keep_time: bool,
}

/// Files and folders with a prefix.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Listing {
    /// Folders directly below the prefix, with a slash at the end; none if the listing goes into them.
    pub prefixes: Vec<String>,
    /// Files, by path.
    pub files: Vec<Asset>,
}

impl Edge {
    /// What lies under a prefix, which is compared as it is: at most `most` files and folders. `deep`: files in folders, too, in place of the folders.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(&self, prefix: &str, deep: bool, most: usize, namespace: Option<&str>) -> Result<Listing, Error> {
        let mut list: Pages<Row> = Pages::new(most);
        while let Some((cursor, limit)) = list.wanted() {
            let page: PathPage = self.call(|| self.page(prefix, deep, cursor.as_deref(), limit, namespace)).await?;
            let rows = page.prefixes.into_iter().map(Row::Folder).chain(page.files.into_iter().map(|file| Row::File(Box::new(file))));
            list.add(rows.collect(), page.cursor)?;
        }
        let mut listing = Listing::default();
        for row in list.into_rows() {
            match row {
                Row::Folder(folder) => listing.prefixes.push(folder),
                Row::File(file) => listing.files.push(*file),
            }
        }
        Ok(listing)
    }

    fn page(&self, prefix: &str, deep: bool, cursor: Option<&str>, limit: u32, namespace: Option<&str>) -> RequestBuilder {
        let limit = limit.to_string();
        let all =
            [("prefix", Some(prefix)), ("delimiter", (!deep).then_some("/")), ("limit", Some(&limit)), ("cursor", cursor), ("namespace", namespace)];
        let query: Vec<(&str, &str)> = all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.request(Method::GET, "/api/storage/files").query(&query)
    }

    /// The file at this path.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none; see [`Error`].
    pub async fn file_at(&self, path: &str, namespace: Option<&str>) -> Result<Asset, Error> {
        let path = check_path(path).map_err(Error::Usage)?;
        // It is the first of those with the path as their prefix: none is shorter.
        let found = self.list(&path, true, 1, namespace).await?.files;
        found.into_iter().find(|file| file.path.as_deref() == Some(&path)).ok_or_else(|| Error::NotFound(format!("there is no file at '{path}'")))
    }

    /// Moves a file to another path.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn move_to(&self, id: &str, path: &str, if_exists: IfExists) -> Result<Asset, Error> {
        let (target, body) = (format!("/api/storage/files/{}", encode(id)), json!({ "path": path, "ifExists": if_exists }));
        self.call::<AssetEnvelope>(|| self.request(Method::PATCH, &target).json(&body)).await.map(|envelope| envelope.asset)
    }

    /// Makes another file with the same bytes, which are neither read nor stored again.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn copy_to(&self, id: &str, path: &str, if_exists: IfExists) -> Result<Asset, Error> {
        let (target, body) = (format!("/api/storage/files/{}/copy", encode(id)), json!({ "path": path, "ifExists": if_exists }));
        let key = new_idempotency_key();
        let copied = self.call::<AssetEnvelope>(|| self.request(Method::POST, &target).header("Idempotency-Key", &key).json(&body)).await;
        copied.map(|envelope| envelope.asset)
    }

    /// Deletes the files with a prefix, which must not be empty, or only counts them (`dry_run`). The server deletes them after the answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_below(&self, prefix: &str, dry_run: bool, namespace: Option<&str>) -> Result<Counted, Error> {
        let mut query = vec![("prefix", prefix), ("dryRun", if dry_run { "true" } else { "false" })];
        query.extend(namespace.map(|namespace| ("namespace", namespace)));
        self.call(|| self.request(Method::DELETE, "/api/storage/files").query(&query)).await
    }
}

enum Row {
    Folder(String),
    File(Box<Asset>),
}

#[cfg(test)]
mod tests;
