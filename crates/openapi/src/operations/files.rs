//! Files and downloads.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::dedup::lookup::{Check, DuplicateView};
use jettyspeed_edge::files::paths::change::{Change, Copy};
use serde_json::json;

use super::uploads::asset;
use super::{HASH, ID, TIME};
use crate::errors::{QUOTA, REPEATS, STORE};
use crate::headers;
use crate::operation::{Operation, Types};
use crate::schemas::{DeletedPrefix, DownloadPlan, Files, OneAsset, Receipt, ReceiptKeys};

const TAG: &str = "Files";

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    Some(match endpoint {
        Endpoint::Files => Operation::new(TAG, "The account's files")
            .query("sort", false, "`created` by default.", json!({ "type": "string", "enum": ["created", "name"] }))
            .query("order", false, "`desc` by default, for names `asc`.", json!({ "type": "string", "enum": ["asc", "desc"] }))
            .query("search", false, "Only those whose names contain it; A to Z in either case.", json!({ "type": "string", "maxLength": 200 }))
            .query(
                "prefix",
                false,
                "Only those with paths that begin with it, in the order of their paths; not with the three above.",
                json!({ "type": "string", "maxLength": 1024 }),
            )
            .query("delimiter", false, "`/`: what has a further slash is told as a folder.", json!({ "type": "string", "enum": ["/"] }))
            .query("namespace", false, "With `prefix`: the account's own by default.", json!({ "type": "string" }))
            .paged()
            .answers::<Files>(types, 200, "A page.", json!({ "files": [asset()], "cursor": null })),
        Endpoint::RenameFile => Operation::new(TAG, "Give a file another name or path")
            .takes::<Change>(types, json!({ "path": "letters/b.txt", "ifExists": "fail" }))
            .answers::<OneAsset>(types, 200, "The file.", json!({ "asset": asset() }))
            .fails(&["path-taken"]),
        Endpoint::CopyFile => Operation::new(TAG, "Copy a file without its bytes")
            .takes::<Copy>(types, json!({ "path": "letters/copy.txt" }))
            .answers::<OneAsset>(types, 201, "The copy.", json!({ "asset": asset() }))
            .fails(&["path-taken"])
            .fails(QUOTA)
            .fails(REPEATS),
        Endpoint::DeletePrefix => Operation::new(TAG, "Delete the files with a prefix")
            .query("prefix", true, "What their paths begin with; not empty.", json!({ "type": "string", "minLength": 1, "maxLength": 1024 }))
            .query("namespace", false, "The account's own by default.", json!({ "type": "string" }))
            .query("dryRun", false, "`true`: they are counted only.", json!({ "type": "string", "enum": ["true", "false", "1", "0"] }))
            .answers::<DeletedPrefix>(types, 200, "What would be deleted.", json!({ "prefix": "letters/", "files": 2, "bytes": 10, "more": false }))
            .answers::<DeletedPrefix>(types, 202, "What is being deleted.", json!({ "prefix": "letters/", "files": 2, "bytes": 10, "more": false })),
        Endpoint::File => Operation::new(TAG, "One file").answers::<OneAsset>(types, 200, "The file.", json!({ "asset": asset() })),
        Endpoint::DeleteFile => Operation::new(TAG, "Delete a file").answers_nothing(204, "It is gone.").fails(&["manager-only"]),
        Endpoint::Receipt => Operation::new(TAG, "A signed receipt of a file")
            .answers::<Receipt>(
                types,
                200,
                "The receipt.",
                json!({
                    "asset": ID, "size": 5, "sha256": HASH, "verification": "verified", "chunks": [{ "size": 5, "sha256": HASH }], "storedAt": TIME,
                    "issuedAt": TIME, "keyId": "2026-11", "signature": "…",
                }),
            )
            .fails(&["receipts-off"]),
        Endpoint::ReceiptKeys => Operation::new("Service", "The keys that receipts are signed with").answers::<ReceiptKeys>(
            types,
            200,
            "A JSON Web Key Set.",
            json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "2026-11", "x": "…" }] }),
        ),
        Endpoint::Download => Operation::new(TAG, "Where to get a file")
            .query("assetId", true, "The file.", json!({ "type": "string", "pattern": jettyspeed_edge::base::schema::UUID }))
            .query("direct", false, "`1`: also the store's presigned URL.", json!({ "type": "string" }))
            .answers::<DownloadPlan>(
                types,
                200,
                "URLs of the bytes.",
                json!({
                    "url": "https://edge.example/files/jtf1.…/holiday.mp4", "cached": true, "provider": "edge", "latencyMs": 12.5, "expiresAt": TIME,
                    "candidates": [{ "provider": "edge", "url": "https://edge.example/files/jtf1.…/holiday.mp4", "latencyMs": 12.5 }],
                }),
            )
            .fails(&["bandwidth-exceeded", "feature-off", "tier-forbidden"]),
        Endpoint::Content => Operation::new(TAG, "The bytes of a file")
            .header("Range", false, "One range or several (RFC 9110 section 14).", json!({ "type": "string" }))
            .header("If-None-Match", false, "And the other conditions of RFC 9110 section 13.", json!({ "type": "string" }))
            .answers_media(200, "The whole file.", &["*/*"], headers::CONTENT)
            .answers_media(206, "One range; several as `multipart/byteranges`.", &["*/*"], headers::CONTENT)
            .answers_media(304, "The client's version is the current one.", &[], headers::CONTENT)
            .fails(&["not-found", "bandwidth-exceeded", "precondition-failed", "range-not-satisfiable", "busy", "feature-off"])
            .fails(STORE),
        Endpoint::CheckDuplicate => Operation::new("Deduplication", "Are these bytes there?")
            .takes::<Check>(types, json!({ "fileHash": HASH, "fileSize": 5 }))
            .answers::<DuplicateView>(
                types,
                200,
                "The caller's own file of these bytes, or none.",
                json!({ "duplicate": false, "asset": null, "savings": { "bytes": 0, "usd": 0.0 } }),
            ),
        _ => return None,
    })
}
