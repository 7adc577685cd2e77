//! Header fields between edge, gateway and store.

/// From an edge: the [pass](crate::gateway::pass). From the gateway: that the answer is the store's, and where it is from. No request to the store has it.
pub const FIELD: &str = "x-jettyspeed-gateway";

/// From an edge: what may be kept of the answer, see [`crate::gateway::shield::Kept`].
pub const KEPT: &str = "x-jettyspeed-kept";

/// The value of [`FIELD`] of an answer that the store gave to this request.
pub const FROM_STORE: &str = "store";

/// The same of one that the gateway had kept.
pub const FROM_SHIELD: &str = "shield";

/// Fields of a request that the gateway sends on: all that this product's requests to a store have. What the platform adds on the way stays behind.
pub const SENT_ON: &[&str] = &[
    "authorization",
    "content-disposition",
    "content-type",
    "if-none-match",
    "range",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-copy-source-range",
    "x-amz-date",
];

/// `Accept-Encoding` of a request of that method: the platform may have overwritten the edge's. Anything but identity could come back compressed.
pub fn accept_encoding(method: &str) -> Option<&'static str> {
    matches!(method, "GET" | "HEAD").then_some("identity")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sha256::Sha256Hex;
    use crate::base::time::EpochMs;
    use crate::s3::action::{Action, ObjectHeaders, Payload};
    use crate::s3::operations::{
        abort_multipart_upload, complete_multipart_upload, create_multipart_upload, delete_object, get_object, head_object, list_multipart_uploads,
        list_parts, put_object, upload_part, upload_part_copy,
    };
    use crate::s3::request::{Location, Store};
    use crate::s3::sigv4::signer::Signer;

    #[test]
    fn every_field_of_every_request_to_the_store_is_sent_on() {
        let store = Store::new(Location::parse("https://s3.example.com", "bucket").unwrap(), Signer::new("AK", "SK", "r", "s3"));
        let headers = ObjectHeaders { content_type: "text/plain", content_disposition: "inline" };
        let hash = || Payload::Sha256(Sha256Hex::of(b"x"));
        let actions: Vec<Action> = vec![
            abort_multipart_upload::abort_multipart_upload("k", "u"),
            complete_multipart_upload::complete_multipart_upload("k", "u", &[(1, "e".to_owned())]).0,
            create_multipart_upload::create_multipart_upload("k", headers),
            delete_object::delete_object("k"),
            get_object::get_object("k", Some((0, 1))),
            head_object::head_object("k"),
            list_multipart_uploads::list_multipart_uploads("", None),
            list_parts::list_parts("k", "u", None),
            put_object::put_object("k", headers, hash()),
            upload_part::upload_part("k", "u", 1, hash()),
            upload_part_copy::upload_part_copy("k", "u", 1, "/b/k", 0, 1),
        ];
        for action in actions {
            for request in [store.request(&action, EpochMs(0)), store.presign(&action, EpochMs(0), 60)] {
                for (name, value) in &request.headers {
                    let is_sent = SENT_ON.contains(&name.as_str()) || (name == "accept-encoding" && accept_encoding(request.method) == Some(value));
                    assert!(is_sent, "{name} of {action:?}");
                }
            }
        }
    }

    #[test]
    fn own_fields_and_those_of_the_platform_stay_behind() {
        for name in [FIELD, KEPT, "cookie", "cf-connecting-ip", "x-forwarded-for", "traceparent", "host"] {
            assert!(!SENT_ON.contains(&name), "{name}");
        }
    }
}
