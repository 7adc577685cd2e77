//! The sweep: one page of ListMultipartUploads per job; the next job continues with the next page (docs/uploads.md, Expiry).

use serde::Deserialize;

use crate::clients::{database, shards, store};
use crate::config::Config;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::jobs::Job;
use crate::log;
use crate::log::LogLevel;
use crate::problem::{OriginFailure, Problem};
use crate::s3::operations::{abort_multipart_upload, list_multipart_uploads};
use crate::services::uploads::bucket_owner;
use crate::uploads::bucket_owner::{Marking, SETTLE_SECONDS};
use crate::uploads::repository;
use crate::uploads::sweep::{MAX_ABORTS, orphans};

/// Prefix of all keys of files (docs/uploads.md, Keys at the store).
const PREFIX: &str = "users/";

/// Aborts the orphaned uploads of the page after `marker` (key, upload id), if the bucket is this deployment's.
///
/// # Errors
/// Errors of the store and D1; the job can be repeated.
pub async fn sweep(io: &impl Io, config: &Config, marker: Option<(&str, &str)>) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        upload_id: String,
    }
    match bucket_owner::check(io, config).await? {
        Marking::Own => {}
        Marking::Write => {
            let again = Job::Sweep { marker: marker.map(|(key, upload)| (key.to_owned(), upload.to_owned())) };
            return io.enqueue(&again, SETTLE_SECONDS).await;
        }
        Marking::Anothers | Marking::Leave => return Ok(()),
    }
    let refused = |error| store::problem("ListMultipartUploads", &error);
    let answer = store::send(io, config, &list_multipart_uploads::list_multipart_uploads(PREFIX, marker), Body::Empty).await.map_err(refused)?;
    let page = list_multipart_uploads::list_multipart_uploads_page(&answer.listing().await.map_err(refused)?);
    let page = page.map_err(|_| Problem::Origin(OriginFailure::Unexpected("Unreadable".to_owned())))?;
    // A store that does not go on would be listed for ever.
    let next = page.next().filter(|next| marker != Some(*next)).map(|(key, upload)| (key.to_owned(), upload.to_owned()));
    let ids: Vec<&str> = page.uploads.iter().map(|upload| upload.upload_id.as_str()).collect();
    let mut owned: Vec<Row> = Vec::new();
    for shard in shards::all(io) {
        owned.extend(database::all::<Row>(&io.db(shard)?, &repository::owned_uploads(&ids)).await?);
    }
    let owned: Vec<String> = owned.into_iter().map(|row| row.upload_id).collect();
    let orphans = orphans(page.uploads, &owned, config.sweep_age_seconds.saturating_mul(1000), io.now());
    for upload in &orphans {
        match store::send(io, config, &abort_multipart_upload::abort_multipart_upload(&upload.key, &upload.upload_id), Body::Empty).await {
            Ok(_) => log::event(LogLevel::Warn, "swept", serde_json::json!({ "key": upload.key })),
            Err(error) if error.is_no_such_upload() || error.status == 404 => {}
            // An upload that can not be aborted does not block the others; the next daily sweep tries again.
            Err(error) => {
                let _ = store::problem("AbortMultipartUpload", &error);
            }
        }
    }
    // A page may have more orphans than one job aborts: the listing goes on behind the last of them, whether they could be aborted or not.
    let last = orphans.get(MAX_ABORTS.saturating_sub(1)).map(|upload| (upload.key.clone(), upload.upload_id.clone()));
    match last.or(next) {
        None => Ok(()),
        marker => io.enqueue(&Job::Sweep { marker }, 0).await,
    }
}
