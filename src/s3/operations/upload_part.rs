//! UploadPart, sent or presigned.

use crate::s3::action::{Action, Payload, action};

/// UploadPart. `part_number` is 1..=10,000.
pub fn upload_part(key: &str, upload_id: &str, part_number: u16, payload: Payload) -> Action {
    let query = [("partNumber", part_number.to_string()), ("uploadId", upload_id.to_owned())];
    Action { query: query.map(|(name, value)| (name.to_owned(), value)).into(), payload, ..action("PUT", Some(key), &[]) }
}

/// UploadPart for a presigned URL: of exactly `size` bytes.
pub fn upload_part_of(key: &str, upload_id: &str, part_number: u16, payload: Payload, size: u64) -> Action {
    Action { signed_headers: vec![("content-length", size.to_string())], ..upload_part(key, upload_id, part_number, payload) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_named_in_the_query_and_a_presigned_one_has_its_length_signed() {
        let query = [("partNumber", "7"), ("uploadId", "u")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sent = upload_part("k", "u", 7, Payload::Unsigned);
        assert_eq!(
            (sent.method, sent.key.as_deref(), sent.query.as_slice(), &sent.payload),
            ("PUT", Some("k"), query.as_slice(), &Payload::Unsigned)
        );
        let presigned = upload_part_of("k", "u", 7, Payload::Unsigned, 10);
        assert_eq!(presigned, Action { signed_headers: vec![("content-length", "10".to_owned())], ..sent });
    }
}
