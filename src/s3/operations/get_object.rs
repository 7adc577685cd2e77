//! GetObject.

use crate::s3::action::{Action, ObjectHeaders, action};

/// GetObject, whole or bytes `first..=last`. Range is not signed: a proxy on the way may rewrite it.
pub fn get_object(key: &str, range: Option<(u64, u64)>) -> Action {
    let mut action = action("GET", Some(key), &[]);
    // Anything but identity could come back compressed, with another length than the object's.
    action.plain_headers.push(("accept-encoding", "identity".to_owned()));
    if let Some((first, last)) = range {
        action.plain_headers.push(("range", format!("bytes={first}-{last}")));
    }
    action
}

/// GetObject for a presigned URL, with the file's name and type in the answer.
pub fn get_object_as(key: &str, headers: ObjectHeaders<'_>) -> Action {
    action("GET", Some(key), &[("response-content-type", headers.content_type), ("response-content-disposition", headers.content_disposition)])
}
