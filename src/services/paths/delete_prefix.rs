//! Deletes the files with a prefix: a job that goes on page by page (docs/paths.md).

use crate::accounts::directory::Item;
use crate::base::id::{Id, Name};
use crate::base::shard::Access;
use crate::base::time::EpochMs;
use crate::clients::{database, shards};
use crate::config::Config;
use crate::files::asset::Asset;
use crate::files::paths::repository;
use crate::files::paths::repository::Tree;
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services::delete_file;

/// Files deleted per job: each costs about eight requests, of which a job has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 100;

/// Which files.
#[derive(Debug, Clone, Copy)]
pub struct Prefix<'a> {
    /// Their owner.
    pub account: Id,
    /// Their namespace.
    pub namespace: &'a Name,
    /// What their paths begin with.
    pub prefix: &'a str,
    /// Files that were created later stay.
    pub until: EpochMs,
    /// `https://host`, for the addresses in events.
    pub base: &'a str,
}

/// The job `delete_prefix`: deletes some of the files behind the path `after` and enqueues the rest.
///
/// # Errors
/// Of D1, the ledger and the queue; the job is repeated.
pub async fn delete_page(io: &impl Io, config: &Config, which: Prefix<'_>, after: &str) -> Result<(), Problem> {
    let tree = Tree { account: which.account, namespace: which.namespace };
    let shard = shards::shard_of(io, Item::Account(which.account), Access::Write).await?;
    let page: Vec<Asset> = database::all(&io.db(shard)?, &repository::to_delete(tree, which.prefix, after, which.until, PAGE)).await?;
    for asset in &page {
        delete_file::delete(io, config, which.base, asset).await?;
    }
    let last = page.last().filter(|_| u64::try_from(page.len()).unwrap_or_default() == PAGE).and_then(|asset| asset.path.as_ref());
    let Some(last) = last else {
        // A read that was late may have come to a database that the account has left, which has no files of it.
        return shards::must_still_have(io, shard, which.account).await;
    };
    let job = Job::DeletePrefix {
        account: which.account,
        namespace: which.namespace.clone(),
        prefix: which.prefix.to_owned(),
        until: which.until,
        base: which.base.to_owned(),
        after: last.as_str().to_owned(),
    };
    io.enqueue(&job, 0).await
}
