//! What the store says of an object: HeadObject, and the first byte where that leaves something open.

use crate::clients::store;
use crate::config::Config;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::s3::error::StoreError;
use crate::s3::operations::head_object::Description;
use crate::s3::operations::{get_object, head_object};

/// The object under the key. `None` only if the store returns NoSuchKey: a 404 without that code, which is all that HeadObject can answer, may come from a
/// gateway. What the answers lack is unknown.
///
/// # Errors
/// Errors of the store.
pub async fn describe(io: &impl Io, config: &Config, key: &str) -> Result<Option<Description>, StoreError> {
    let seen = match store::send(io, config, &head_object::head_object(key), Body::Empty).await {
        Ok(answer) => Some(description(&answer)),
        Err(error) if error.status == 404 => None,
        Err(error) => return Err(error),
    };
    if seen.as_ref().is_some_and(Description::is_certain) {
        return Ok(seen);
    }
    let first = match store::send(io, config, &get_object::get_object(key, Some((0, 0))), Body::Empty).await {
        Ok(answer) => {
            answer.discard();
            Ok(Some(description(&answer)))
        }
        Err(error) if error.code == "NoSuchKey" => Ok(None),
        // No first byte: the object is empty.
        Err(error) if error.status == 416 => Ok(Some(Description { size: Some(0), ..Description::default() })),
        Err(error) => Err(error),
    };
    match (seen, first) {
        (Some(seen), Ok(Some(first))) => Ok(Some(seen.completed_by(first))),
        // The object is there; what it lacks stays unknown.
        (Some(seen), Err(_)) => Ok(Some(seen)),
        (_, first) => first,
    }
}

fn description(answer: &impl Answer) -> Description {
    Description::read(answer.status(), |name| answer.header(name))
}
