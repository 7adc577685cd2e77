//! PutObject.

use crate::s3::action::{Action, ObjectHeaders, Payload, action};

/// PutObject.
pub fn put_object(key: &str, headers: ObjectHeaders<'_>, payload: Payload) -> Action {
    Action { signed_headers: headers.signed(), plain_headers: headers.plain(), payload, ..action("PUT", Some(key), &[]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_headers_are_part_of_the_action() {
        let action = put_object("k", ObjectHeaders { content_type: "text/plain", content_disposition: "inline" }, Payload::Unsigned);
        assert_eq!((action.method, action.payload), ("PUT", Payload::Unsigned));
        assert_eq!(action.signed_headers, [("content-type", "text/plain".to_owned())]);
        assert_eq!(action.plain_headers, [("content-disposition", "inline".to_owned())]);
    }
}
