//! PutObject.

use crate::s3::action::{Action, ObjectHeaders, Payload, action};

/// PutObject.
pub fn put_object(key: &str, headers: ObjectHeaders<'_>, payload: Payload) -> Action {
    Action { signed_headers: headers.signed(), plain_headers: headers.plain(), payload, ..action("PUT", Some(key), &[]) }
}
