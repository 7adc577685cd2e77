//! Uploads.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::uploads::batch::results::Results as Batch;
use jettyspeed_edge::uploads::presigned::{ChunkUrls, Recorded, Sent};
use jettyspeed_edge::uploads::view::{ChunkStored, Progress};
use serde_json::{Value, json};

use super::{HASH, ID, TIME};
use crate::errors::{QUOTA, REPEATS, STORE};
use crate::operation::{Operation, Types};
use crate::schemas::{Challenged, ChunkUrlList, OneAsset, Opened, Sessions, TrackUpload, Tracked};

const TAG: &str = "Uploads";

/// An asset, for examples.
pub fn asset() -> Value {
    json!({
        "id": ID, "name": "holiday.mp4", "size": 52_428_800, "contentType": "video/mp4", "namespace": "jt_user_42", "s3Key": format!("users/42/o/{ID}"),
        "sha256": HASH, "verification": "verified", "url": format!("https://edge.example/files/{ID}/holiday.mp4"), "path": null, "createdAt": TIME,
    })
}

fn progress() -> Value {
    json!({
        "sessionId": ID, "status": "uploading", "fileName": "holiday.mp4", "fileSize": 20_971_520, "chunkSize": 10_485_760, "chunkCount": 2,
        "completed": [{ "partNumber": 1, "etag": "9bb58f26192e4ba00f01e2e7b136bbd8", "size": 10_485_760, "sha256": HASH, "edge": "fra", "at": TIME }],
        "missing": [2], "bytesUploaded": 10_485_760, "percent": 50.0, "uploadToken": "jtu1.…", "expiresAt": TIME,
    })
}

fn hash_schema() -> Value {
    json!({ "type": "string", "pattern": jettyspeed_edge::base::schema::HASH })
}

fn session_schema() -> Value {
    json!({ "type": "string", "pattern": jettyspeed_edge::base::schema::UUID })
}

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    Some(match endpoint {
        Endpoint::TrackUpload => track(types),
        Endpoint::CacheChunk => Operation::new(TAG, "The state of an upload")
            .query("sessionId", true, "The session.", session_schema())
            .query("reconcile", false, "`1`: the record is held against the store's listing.", json!({ "type": "string" }))
            .answers::<Progress>(types, 200, "The state.", progress())
            .fails(&["not-found", "invalid-value", "upload-closed"])
            .fails(STORE),
        Endpoint::RecordChunk => Operation::new(TAG, "Record a part that was sent straight to the store")
            .takes::<Sent>(types, json!({ "sessionId": ID, "partNumber": 2, "etag": "9bb58f26192e4ba00f01e2e7b136bbd8", "size": 10_485_760, "sha256": HASH }))
            .answers::<Recorded>(
                types,
                200,
                "As it is recorded.",
                json!({ "sessionId": ID, "partNumber": 2, "etag": "9bb58f26192e4ba00f01e2e7b136bbd8", "size": 10_485_760, "sha256": HASH, "edge": "origin" }),
            )
            .fails(&["part-outside-plan", "upload-closed", "chunk-hash-required", "length-mismatch", "record-failed"]),
        Endpoint::ChunkUrls => Operation::new(TAG, "Presigned URLs for parts")
            .takes::<ChunkUrls>(types, json!({ "sessionId": ID, "parts": [{ "partNumber": 2, "sha256": HASH }] }))
            .answers::<ChunkUrlList>(
                types,
                200,
                "The URLs.",
                json!({ "urls": [{ "partNumber": 2, "url": "https://s3.example/…", "headers": { "content-length": "10485760" }, "expiresAt": TIME }], "presignedHashBound": true }),
            )
            .fails(&["part-outside-plan", "upload-closed", "chunk-hash-required"]),
        Endpoint::Sessions => Operation::new(TAG, "The account's uploads, newest first")
            .query("status", false, "`open` by default.", json!({ "type": "string", "enum": ["open", "complete", "failed", "expired"] }))
            .paged()
            .answers::<Sessions>(
                types,
                200,
                "A page.",
                json!({ "sessions": [{
                    "sessionId": ID, "uploadId": "2~abc", "fileName": "holiday.mp4", "fileSize": 20_971_520, "fileHash": null, "contentType": "video/mp4",
                    "namespace": "jt_user_42", "chunkSize": 10_485_760, "chunkCount": 2, "status": "uploading", "createdAt": TIME, "endedAt": null, "reason": null,
                }], "cursor": null }),
            ),
        Endpoint::Chunk => chunk(types),
        Endpoint::SimpleUpload => Operation::new(TAG, "A file in one request")
            .header("X-File-Name", false, "Required with a raw body unless there is a path: UTF-8, percent-encoded or as it is.", json!({ "type": "string" }))
            .header("X-File-Path", false, "The file's path, unless it is in the URL: UTF-8, percent-encoded or as it is.", json!({ "type": "string" }))
            .header("X-If-Exists", false, "What happens if another file has the path.", json!({ "type": "string", "enum": ["fail", "replace", "keep-both"] }))
            .header("X-Modified-At", false, "When the file was changed last, RFC 3339; kept with a path.", json!({ "type": "string" }))
            .header("X-Content-SHA256", false, "SHA-256 of the file; the store verifies it.", hash_schema())
            .header("X-Namespace", false, "The account's own by default.", json!({ "type": "string" }))
            .takes_bytes("application/octet-stream")
            .takes_bytes("multipart/form-data")
            .header("Upload-Complete", false, "With a path: creates a resumable upload (IETF).", json!({ "type": "string", "enum": ["?0", "?1"] }))
            .answers::<Tracked>(types, 200, "The file, of a resumable upload that came whole.", progress())
            .answers::<OneAsset>(types, 201, "The file is stored; or a resumable upload is created, at `Location`, without a body.", json!({ "asset": asset() }))
            .fails(&["invalid-header", "digest-mismatch", "inconsistent-upload-length", "upload-locked", "length-required", "body-too-large", "body-too-slow", "busy", "malformed-request", "chunk-hash-mismatch", "not-found", "feature-off", "tier-forbidden", "edge-closed", "path-taken"])
            .fails(QUOTA)
            .fails(REPEATS)
            .fails(STORE),
        Endpoint::BatchUpload => Operation::new(TAG, "Many small files in one request, as a tar archive")
            .header("X-Namespace", false, "The account's own by default.", json!({ "type": "string" }))
            .header("X-Path-Prefix", false, "The files get paths: this, which is empty or ends with a slash, and those in the archive.", json!({ "type": "string" }))
            .header("X-If-Exists", false, "What happens if another file has such a path.", json!({ "type": "string", "enum": ["fail", "replace", "keep-both"] }))
            .header("Content-Digest", false, "Distinguishes archives of the same length under one idempotency key (RFC 9530); it is not checked.", json!({ "type": "string" }))
            .takes_bytes("application/x-tar")
            .answers::<Batch>(
                types,
                200,
                "What became of each file.",
                json!({ "stored": 1, "failed": 0, "results": [{ "index": 0, "path": "photos/a.jpg", "status": 201, "asset": asset() }] }),
            )
            .fails(&["length-required", "body-too-large", "body-too-slow", "malformed-request", "invalid-value", "not-found", "feature-off", "tier-forbidden", "edge-closed", "path-taken"])
            .fails(QUOTA)
            .fails(REPEATS)
            .fails(STORE),
        Endpoint::CreateResumable => Operation::new(TAG, "Create an upload by tus 1.0 or IETF resumable uploads")
            .header("Upload-Length", false, "Bytes.", json!({ "type": "integer" }))
            .header("Upload-Metadata", false, "Name and media type (tus).", json!({ "type": "string" }))
            .header("X-Namespace", false, "The account's own by default.", json!({ "type": "string" }))
            .header("Upload-Concat", false, "`partial`, or `final;` and the URLs of partial uploads (tus).", json!({ "type": "string" }))
            .header("Upload-Defer-Length", false, "1 if the length is told later (tus).", json!({ "type": "string", "enum": ["1"] }))
            .takes_bytes("application/offset+octet-stream")
            .answers::<Tracked>(types, 200, "The file, of an upload that came whole or whose bytes are stored already (IETF).", progress())
            .answers_nothing(201, "`Location` is the upload.")
            .fails(&["final-upload", "upload-closed", "path-taken", "account-suspended", "body-too-large", "body-too-slow", "upload-locked", "busy", "invalid-header", "tus-version", "append-type", "file-too-large", "checksum-mismatch", "digest-mismatch", "inconsistent-upload-length", "length-required", "malformed-request", "not-found", "feature-off", "tier-forbidden", "edge-closed", "acceleration-off"])
            .fails(QUOTA)
            .fails(STORE),
        Endpoint::ResumableOffset => Operation::new(TAG, "The offset of an upload by tus 1.0 or IETF resumable uploads")
            .answers_nothing(200, "`Upload-Offset` is the offset (tus).")
            .answers_nothing(204, "`Upload-Offset` is the offset (IETF).")
            .fails(&["invalid-header", "tus-version", "not-found", "upload-closed", "upload-locked"]),
        Endpoint::AppendResumable => Operation::new(TAG, "Append to an upload by tus 1.0 or IETF resumable uploads")
            .header("Upload-Offset", true, "Where the body begins, bytes.", json!({ "type": "integer" }))
            .takes_bytes("application/offset+octet-stream")
            .takes_bytes("application/partial-upload")
            .header("Upload-Length", false, "Bytes, of an upload that began without.", json!({ "type": "integer" }))
            .answers::<Tracked>(types, 200, "The file, with the last bytes (IETF).", progress())
            .answers_nothing(204, "`Upload-Offset` is the new offset.")
            .fails(&["final-upload", "path-taken", "body-too-slow", "invalid-header", "tus-version", "append-type", "mismatching-upload-offset", "inconsistent-upload-length", "completed-upload", "upload-locked", "checksum-mismatch", "digest-mismatch", "not-appendable", "body-too-large", "malformed-request", "not-found", "upload-closed", "account-suspended", "busy", "edge-closed"])
            .fails(STORE),
        Endpoint::EndResumable => Operation::new(TAG, "End an upload by tus 1.0 or IETF resumable uploads")
            .answers_nothing(204, "It has ended.")
            .fails(&["tus-version", "not-found", "upload-closed", "already-complete", "completion-running"]),
        _ => return None,
    })
}

fn track(types: &mut Types) -> Operation {
    let start = json!({ "action": "start", "fileName": "holiday.mp4", "fileSize": 20_971_520, "fileHash": HASH });
    Operation::new(TAG, "Start, follow, complete or abort an upload")
        .takes::<TrackUpload>(types, start)
        .answers::<Tracked>(types, 200, "Of `progress`, `complete` and `fail`; of `start` if the namespace stores these bytes.", progress())
        .answers::<Opened>(
            types,
            201,
            "Of `start`: the upload is open.",
            json!({
                "sessionId": ID, "uploadToken": "jtu1.…", "uploadId": "2~abc", "strategy": { "chunkSize": 10_485_760, "chunkCount": 2, "threads": 4 },
                "edges": [], "assignments": [{ "edge": "fra", "parts": [1, 2] }], "missingParts": [1, 2], "expiresAt": TIME,
            }),
        )
        .answers::<Challenged>(
            types,
            202,
            "Of `start`: another namespace stores these bytes, and the caller may prove that it has them.",
            json!({ "challenge": { "id": ID, "nonce": "ba7c0a4b1c", "ranges": [[0, 1024]], "expiresAt": TIME } }),
        )
        .fails(&[
            "acceleration-off",
            "tier-forbidden",
            "feature-off",
            "plan-mismatch",
            "proof-refused",
            "too-many-uploads",
            "not-found",
            "parts-missing",
            "parts-differ",
            "file-hash-mismatch",
            "completion-running",
            "already-complete",
            "upload-closed",
            "edge-closed",
            "path-taken",
        ])
        .fails(QUOTA)
        .fails(REPEATS)
        .fails(STORE)
}

fn chunk(types: &mut Types) -> Operation {
    Operation::new(TAG, "Send a part")
        .header("X-Part-Number", false, "Its number, from 1; required where the path does not have it.", json!({ "type": "string" }))
        .header("X-Chunk-SHA256", false, "Its SHA-256; or Content-Digest. Required unless the namespace has `allow_unsigned`.", hash_schema())
        .header("Content-Digest", false, "`sha-256=:<base64>:` (RFC 9530).", json!({ "type": "string" }))
        .header("X-Upload-Id", false, "The session or upload id; required with an account's credentials where the path does not have it.", json!({ "type": "string" }))
        .header("X-Namespace", false, "If sent, it must be the upload's.", json!({ "type": "string" }))
        .takes_bytes("application/octet-stream")
        .answers::<ChunkStored>(
            types,
            200,
            "The part is stored and recorded.",
            json!({ "partNumber": 1, "etag": "9bb58f26192e4ba00f01e2e7b136bbd8", "size": 10_485_760, "sha256": HASH, "edge": "fra", "receipt": "jtr1.…" }),
        )
        .fails(&[
            "not-found", "length-required", "body-too-large", "part-outside-plan", "length-mismatch", "chunk-hash-required", "chunk-hash-mismatch", "upload-closed", "record-failed",
            "edge-closed", "malformed-request", "busy", "acceleration-off",
        ])
        .fails(STORE)
}
