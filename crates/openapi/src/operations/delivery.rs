//! The cache of responses, and warming.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::delivery::warming::{Wanted, Warmed};
use serde_json::json;

use super::{ID, TIME};
use crate::errors::STORE;
use crate::operation::{Operation, Types};
use crate::schemas::{CachedResponse, GetResponse, SetResponse, StoredResponse};

const TAG: &str = "Cache of responses";

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    let question = json!({ "provider": "openai", "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
    Some(match endpoint {
        Endpoint::GetResponse => Operation::new(TAG, "Is there a response?").takes::<GetResponse>(types, question).answers::<CachedResponse>(
            types,
            200,
            "A hit, or none.",
            json!({ "hit": true, "response": { "text": "Hi" }, "latency_ms": 3.0 }),
        ),
        Endpoint::SetResponse => Operation::new(TAG, "Keep a model's response")
            .takes::<SetResponse>(
                types,
                json!({ "provider": "openai", "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }], "response": { "text": "Hi" } }),
            )
            .answers::<StoredResponse>(types, 200, "It is kept.", json!({ "stored": true, "expires_at": TIME, "latency_ms": 8.0 }))
            .fails(&["manager-only", "cache-busy", "storage-exceeded"]),
        Endpoint::WarmChunk => Operation::new(TAG, "Bring a slice of a file into the cache")
            .takes::<Wanted>(types, json!({ "fileId": ID, "chunkIndex": 0 }))
            .answers::<Warmed>(types, 200, "What the cache has now.", json!({ "cached": true, "bytes": 5_242_880, "provider": "origin", "latency_ms": 80 }))
            .fails(&["bandwidth-exceeded"])
            .fails(STORE),
        _ => return None,
    })
}
