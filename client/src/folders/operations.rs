//! Moves and copies files and folders by their paths.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use crate::Error;
use crate::api::Asset;
use crate::edge::Edge;
use crate::paths::{IfExists, check_path, check_prefix};

/// Calls in flight.
const CALLS_AT_ONCE: usize = 4;

/// What is done with files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// They get another path.
    Move,
    /// There is another file with the same bytes.
    Copy,
}

/// What became of one file.
#[derive(Debug)]
pub struct Transferred {
    /// Its path before.
    pub from: String,
    /// The file at its new path, or why it is not there.
    pub result: Result<Asset, Arc<Error>>,
}

/// Moves or copies the file at `from` to `to`, or into the folder `to` if that ends with a slash; where `from` ends with a slash, every file below it to the same
/// place below `to`. One that fails does not keep the others.
///
/// # Errors
/// [`Error::Usage`] for what are no paths, and for a folder into itself; [`Error::NotFound`]; and see [`Error`] for a listing that fails.
pub async fn transfer(
    edge: &Edge,
    what: Transfer,
    from: &str,
    to: &str,
    if_exists: IfExists,
    namespace: Option<&str>,
) -> Result<Vec<Transferred>, Error> {
    let files = if from.ends_with('/') || from.is_empty() {
        let (from, to) = (check_prefix(from).map_err(Error::Usage)?, check_prefix(to).map_err(Error::Usage)?);
        if to.starts_with(&from) {
            return Err(Error::Usage(format!("'{to}' lies in '{from}'")));
        }
        edge.list(&from, true, usize::MAX, namespace).await?.files
    } else {
        vec![edge.file_at(from, namespace).await?]
    };
    if files.is_empty() {
        return Err(Error::NotFound(format!("there are no files below '{from}'")));
    }
    let doing = files.into_iter().map(|file| async move {
        let path = file.path.unwrap_or_default();
        let result = match target(from, to, &path) {
            Ok(target) if what == Transfer::Move => edge.move_to(&file.id, &target, if_exists).await,
            Ok(target) => edge.copy_to(&file.id, &target, if_exists).await,
            Err(error) => Err(error),
        };
        Transferred { from: path, result: result.map_err(Arc::new) }
    });
    Ok(stream::iter(doing).buffered(CALLS_AT_ONCE).collect().await)
}

/// The path that the file at `path` gets.
fn target(from: &str, to: &str, path: &str) -> Result<String, Error> {
    let target = if from.ends_with('/') || from.is_empty() {
        let (from, to) = (check_prefix(from).map_err(Error::Usage)?, check_prefix(to).map_err(Error::Usage)?);
        let below = path.strip_prefix(&from).ok_or_else(|| Error::Unexpected(format!("'{path}' is not below '{from}'")))?;
        format!("{to}{below}")
    } else if to.ends_with('/') {
        let to = check_prefix(to).map_err(Error::Usage)?;
        format!("{to}{}", path.rsplit('/').next().unwrap_or(path))
    } else {
        to.to_owned()
    };
    check_path(&target).map_err(Error::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_goes_to_a_path_or_into_a_folder_and_folders_keep_what_is_below_them() {
        for (from, to, path, expected) in [
            ("a/b.txt", "c.txt", "a/b.txt", "c.txt"),
            ("a/b.txt", "c/", "a/b.txt", "c/b.txt"),
            ("a/b.txt", "/", "a/b.txt", "b.txt"),
            ("a/", "c/d/", "a/x/y", "c/d/x/y"),
            ("a/", "c", "a/x", "c/x"),
            ("a/", "/", "a/x/y", "x/y"),
            ("", "all/", "x/y", "all/x/y"),
        ] {
            assert_eq!(target(from, to, path).unwrap(), expected, "{from} {to}");
        }
        assert!(matches!(target("a", "b//c", "a"), Err(Error::Usage(_))));
        assert!(matches!(target("a/", "c/", "b/x"), Err(Error::Unexpected(_))));
    }

    #[tokio::test]
    async fn folder_is_not_moved_into_itself() {
        let edge = Edge::new("http://127.0.0.1:9", "k", "s").unwrap();
        for (from, to) in [("a/", "a/b/"), ("a/", "a/"), ("", "b/")] {
            let refused = transfer(&edge, Transfer::Move, from, to, IfExists::Fail, None).await;
            assert!(matches!(refused, Err(Error::Usage(_))), "{from} {to}");
        }
    }
    #[tokio::test]
    async fn every_file_of_a_folder_is_moved_and_one_that_fails_does_not_keep_the_others() {
        use crate::stand_in::{StandIn, asset_json, json_answer};
        use http_body_util::BodyExt;
        use serde_json::{Value, json};
        let at = |path: &str| {
            let mut asset = asset_json(&path.replace('/', "-"), 1, "pending");
            asset["path"] = path.into();
            asset
        };
        let server = StandIn::start(move |head, body| async move {
            if head.method == "GET" {
                return json_answer(200, &json!({ "files": [at("a/1"), at("a/b/2"), at("a/b/3")], "cursor": null }));
            }
            let asked: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
            assert_eq!((head.method.as_str(), &asked["ifExists"]), ("PATCH", &json!("fail")));
            match head.uri.path() {
                "/api/storage/files/a-b-2" => json_answer(409, &json!({ "code": "path-taken", "title": "taken" })),
                _ => json_answer(200, &json!({ "asset": at(asked["path"].as_str().unwrap()) })),
            }
        })
        .await;
        let done = transfer(&server.edge(), Transfer::Move, "a/", "c", IfExists::Fail, None).await.unwrap();
        let told: Vec<_> = done.iter().map(|one| one.result.as_ref().map(|asset| asset.path.as_deref()).map_err(|error| error.code())).collect();
        assert_eq!(told, [Ok(Some("c/1")), Err(Some("path-taken")), Ok(Some("c/b/3"))]);
        assert_eq!(done.iter().map(|one| one.from.as_str()).collect::<Vec<_>>(), ["a/1", "a/b/2", "a/b/3"]);
    }
}
