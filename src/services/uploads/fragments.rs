//! Deletion of the objects in which appended bytes wait for the rest of their part.

use crate::base::id::Id;
use crate::clients::store;
use crate::config::Config;
use crate::io::Io;
use crate::problem::{OriginFailure, Problem};
use crate::uploads::session::appending::fragment_key;
use crate::uploads::session::state::Meta;

/// Deletes fragments: those that are certainly gone.
pub async fn delete(io: &impl Io, config: &Config, key: &str, fragments: &[Id]) -> Vec<Id> {
    let mut gone = Vec::new();
    for id in fragments {
        if store::delete(io, config, &fragment_key(key, *id)).await.is_ok() {
            gone.push(*id);
        }
    }
    gone
}

/// Deletes all fragments of an upload that has ended.
///
/// # Errors
/// The store's, if one may be left.
pub async fn delete_all(io: &impl Io, config: &Config, meta: &Meta) -> Result<(), Problem> {
    let fragments = meta.fragments();
    if delete(io, config, &meta.key, &fragments).await.len() == fragments.len() {
        return Ok(());
    }
    Err(Problem::Origin(OriginFailure::Unavailable))
}
