//! ListParts of an upload.

use crate::clients::store;
use crate::config::Config;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::s3::error::StoreError;
use crate::s3::operations::list_parts;
use crate::s3::operations::list_parts::ListedPart;
use crate::uploads::session::state::Meta;

/// All parts that the store has of an upload, all pages.
///
/// # Errors
/// Errors of the store.
pub async fn all_parts(io: &impl Io, config: &Config, meta: &Meta) -> Result<Vec<ListedPart>, StoreError> {
    let mut parts = Vec::new();
    let mut marker = None;
    loop {
        let action = list_parts::list_parts(&meta.key, &meta.upload_id, marker);
        let body = store::send(io, config, &action, Body::Empty).await?.listing().await?;
        let page = list_parts::list_parts_page(&body).map_err(|unreadable| StoreError::unreachable(unreadable.to_string()))?;
        let next = page.next();
        parts.extend(page.parts);
        match next {
            None => return Ok(parts),
            Some(number) if Some(number) > marker => marker = Some(number),
            // Without progress the loop would not end, and a partial listing must not be used: parts missing from it would be dropped from the record.
            Some(_) => return Err(StoreError::unreachable("a listing that does not go on".to_owned())),
        }
    }
}
