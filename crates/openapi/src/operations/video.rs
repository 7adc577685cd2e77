//! Video.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::video::request::Playback;
use serde_json::{Value, json};

use super::TIME;
use crate::errors::{QUOTA, STORE};
use crate::headers;
use crate::operation::{Operation, Types};
use crate::schemas::{PlaybackUrl, VideoFile, Videos};

const TAG: &str = "Video";

fn namespaced(operation: Operation) -> Operation {
    operation.header("X-Namespace", false, "The account's own by default.", json!({ "type": "string" })).fails(&["not-found"])
}

fn file() -> Value {
    json!({
        "videoId": "film", "path": "720p/1.ts", "namespace": "jt_user_42", "size": 1_048_576, "contentType": "video/mp2t", "s3Key": "users/42/v/film/720p/1.ts",
        "etag": "9bb58f26192e4ba00f01e2e7b136bbd8",
    })
}

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    Some(match endpoint {
        Endpoint::Videos => namespaced(Operation::new(TAG, "The videos of a namespace")).paged().answers::<Videos>(
            types,
            200,
            "A page.",
            json!({ "videos": [{ "videoId": "film", "namespace": "jt_user_42", "entry": "index.m3u8", "updatedAt": TIME }], "cursor": null }),
        ),
        Endpoint::PutVideo => namespaced(Operation::new(TAG, "Store a file of a video"))
            .header("X-Content-SHA256", false, "SHA-256 of the file; the store verifies it.", json!({ "type": "string" }))
            .takes_bytes("application/octet-stream")
            .answers::<VideoFile>(types, 201, "The file is stored.", file())
            .answers::<VideoFile>(types, 200, "The file replaced one.", file())
            .fails(&[
                "length-required",
                "body-too-large",
                "body-too-slow",
                "busy",
                "malformed-request",
                "chunk-hash-mismatch",
                "feature-off",
                "tier-forbidden",
                "manager-only",
                "request-running",
                "edge-closed",
            ])
            .fails(QUOTA)
            .fails(STORE),
        Endpoint::DeleteVideo => {
            namespaced(Operation::new(TAG, "Delete a video")).answers_nothing(204, "Nothing of it can be read any more.").fails(&["manager-only"])
        }
        Endpoint::Playback => namespaced(Operation::new(TAG, "Where to play a video"))
            .takes::<Playback>(types, json!({ "path": "master.m3u8", "ttl": 3600 }))
            .answers::<PlaybackUrl>(
                types,
                200,
                "A URL that opens the whole video.",
                json!({ "url": "https://edge.example/v/jtv1.…/master.m3u8", "expiresAt": TIME }),
            )
            .fails(&["feature-off", "bandwidth-exceeded"]),
        Endpoint::Play => Operation::new(TAG, "A file of a video")
            .query("CMCD", false, "What the player tells (CTA-5004); counted only.", json!({ "type": "string" }))
            .header("Range", false, "One range or several (RFC 9110 section 14).", json!({ "type": "string" }))
            .answers_media(200, "The whole file.", &["*/*"], headers::CONTENT)
            .answers_media(206, "One range; several as `multipart/byteranges`.", &["*/*"], headers::CONTENT)
            .answers_media(304, "The client's version is the current one.", &[], headers::CONTENT)
            .fails(&["not-found", "bandwidth-exceeded", "precondition-failed", "range-not-satisfiable", "busy", "feature-off"])
            .fails(STORE),
        _ => return None,
    })
}
