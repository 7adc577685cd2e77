//! Lists an account's files by prefix.

use serde::Deserialize;

use crate::base::json;
use crate::clients::{database, shards};
use crate::files::asset::Asset;
use crate::files::paths::prefix::{PrefixListing, entry_of};
use crate::files::paths::repository;
use crate::files::paths::repository::Tree;
use crate::io::Io;
use crate::io::database::Database;
use crate::problem::Problem;

/// A page of files and folders.
#[derive(Debug, Default)]
pub struct Page {
    /// The files, in the order of their paths.
    pub files: Vec<Asset>,
    /// The folders, each with its slash.
    pub folders: Vec<String>,
    /// Where the next page begins.
    pub cursor: Option<String>,
}

/// How many files a prefix has.
#[derive(Debug, Deserialize)]
pub struct Counted {
    /// Files, [`repository::MAX_COUNTED`] at the most.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
}

/// A page of `limit` entries at the most.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn page(io: &impl Io, tree: Tree<'_>, listing: &PrefixListing, limit: u64) -> Result<Page, Problem> {
    let db = shards::of_account_to_read(io, tree.account).await?.nearest_if(listing.behind.is_some());
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    if !listing.folders {
        let mut files: Vec<Asset> = database::all(&db, &repository::files(tree, listing, limit.saturating_add(1))).await?;
        let is_cut = files.len() > most;
        files.truncate(most);
        let cursor = files.last().filter(|_| is_cut).and_then(|asset| asset.path.as_ref()).map(|path| path.as_str().to_owned());
        return Ok(Page { files, folders: Vec::new(), cursor });
    }
    let mut entries: Vec<Entry> = database::all(&db, &repository::entries(tree, listing, limit.saturating_add(1))).await?;
    let is_cut = entries.len() > most;
    entries.truncate(most);
    let names: Vec<&str> = entries.iter().map(|entry| entry_of(&entry.path, &listing.prefix)).collect();
    let cursor = names.last().filter(|_| is_cut).map(|name| (*name).to_owned());
    let (folders, paths): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| name.ends_with('/'));
    let folders = folders.into_iter().map(str::to_owned).collect();
    // A file that was moved in between is missing from the page, as from one of a moment later.
    let wanted = json::write(&paths).map_err(|_| Problem::Internal)?;
    let files = if paths.is_empty() { Vec::new() } else { database::all(&db, &repository::of_paths(tree, &wanted)).await? };
    Ok(Page { files, folders, cursor })
}

/// How many files have the prefix, and their bytes.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn count(io: &impl Io, tree: Tree<'_>, prefix: &str) -> Result<Counted, Problem> {
    let db = shards::of_account_to_read(io, tree.account).await?;
    database::first(&db, &repository::count(tree, prefix)).await?.ok_or(Problem::Internal)
}
