//! Uploads: sessions, their parts and jobs, and files in one request.

use jettyspeed_costs::counts::Counts;
use jettyspeed_costs::data::Action;
use jettyspeed_devstack::state::AccountAccess;
use serde_json::{Value, json};

use super::{ALARM, Counter, logging_stack, warm};
use crate::harness::{Call, SLICE, Stack, action, random_bytes, sha256};

/// A client at a PoP that has an edge: what its parts tell of the edge is published.
const AT_EDGE: &str = r#"{"colo":"FRA","country":"DE","latitude":"50.1","longitude":"8.7","clientAcceptEncoding":""}"#;

/// A client at a PoP that has none.
const ELSEWHERE: &str = r#"{"country":"DE","clientAcceptEncoding":""}"#;

/// Sends every part, without anything to be told of an edge.
async fn send_parts(stack: &Stack, started: &Value, bytes: &[u8]) {
    for (part, piece) in (1..).zip(bytes.chunks(SLICE)) {
        let (status, body) = stack.chunk(started, part, piece).header("MF-CF-Blob", ELSEWHERE).answer().await;
        assert_eq!(status, 200, "{body}");
    }
}

/// Starts an upload in chunks of 5 MiB.
async fn start(stack: &Stack, account: &AccountAccess, bytes: &[u8], more: Value) -> Value {
    let mut body = json!({ "action": "start", "fileName": "counted.bin", "fileSize": bytes.len() });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, body) = stack.track(account, body).await;
    assert_eq!(status, 201, "{body}");
    body
}

async fn complete(stack: &Stack, account: &AccountAccess, started: &Value) {
    let (status, body) = stack.track(account, action("complete", started)).await;
    assert_eq!(status, 200, "{body}");
}

impl Counter<'_> {
    /// Uploads all parts, then counts `complete`.
    async fn counted_completion(&mut self, name: &str, account: &AccountAccess, bytes: &[u8], more: Value) {
        let stack = self.stack;
        let started = start(stack, account, bytes, more).await;
        send_parts(stack, &started, bytes).await;
        self.warm(account).await;
        self.act(name, &[ALARM], complete(stack, account, &started)).await;
    }
}

#[tokio::test]
async fn uploads_are_billed_what_is_committed() {
    let stack = &logging_stack().await;
    let mut counter = Counter::of(stack).await;
    let account = &stack.unsigned;
    // A ledger that is opened writes its figures.
    counter.act("opened", &[ALARM], warm(stack, &stack.dev)).await;
    counter.take("opened");
    // The first upload of a deployment finds out what the store enforces.
    counter.counted_completion("first", account, &random_bytes(1_000), json!({})).await;
    counter.take("first");

    let bytes = random_bytes(4 * SLICE);
    counter.warm(account).await;
    let started = counter.act("start", &[], start(stack, account, &bytes, json!({}))).await;
    send_parts(stack, &started, &bytes).await;
    counter.warm(account).await;
    counter.act("complete_4", &[ALARM], complete(stack, account, &started)).await;

    let hashes: Vec<String> = bytes.chunks(SLICE).map(sha256).collect();
    counter.warm(account).await;
    let known = json!({ "chunkSize": SLICE, "chunkHashes": hashes, "fileName": "known.bin" });
    let started = counter.act("start_known", &[], start(stack, account, &bytes, known)).await;
    assert_eq!(started["missingParts"], json!([]), "all were copied");
    counter.act("completed", &[ALARM], complete(stack, account, &started)).await;
    counter.take("completed");

    counter.counted_completion("complete_8", account, &random_bytes(8 * SLICE), json!({})).await;

    // With a hash the object is verified by a job, in the same seconds.
    let bytes = random_bytes(4 * SLICE);
    counter.counted_completion("with_verification", account, &bytes, json!({ "fileHash": sha256(&bytes) })).await;
    let (with, without) = (counter.take("with_verification").alone(), counter.actions["complete_4"].alone());
    counter.actions.insert("verify".to_owned(), Action { at_once: with - without, later: Counts::default() });

    let bytes = random_bytes(SLICE);
    counter.warm(account).await;
    let started = start(stack, account, &bytes, json!({})).await;
    let part = stack.chunk(&started, 1, &bytes).header("MF-CF-Blob", AT_EDGE);
    let (status, body) = counter.act("part_held", &[("object", "fra"), ALARM], part.answer()).await;
    assert_eq!(status, 200, "{body}");
    counter.act("completed", &[ALARM], complete(stack, account, &started)).await;
    counter.take("completed");

    let file = stack.request(reqwest::Method::POST, "/api/storage/upload", account).header("X-File-Name", "a.bin").body(random_bytes(1_000_000));
    counter.warm(account).await;
    let (status, body) = counter.act("simple", &[ALARM], file.answer()).await;
    assert_eq!(status, 201, "{body}");

    // The last one stays open, until the ledger looks at it.
    counter.warm(&stack.dev).await;
    let start = json!({ "action": "start", "fileName": "streamed.bin", "fileSize": 100_000_000, "chunkSize": 20_000_000 });
    let (status, started) = stack.track(&stack.dev, start).await;
    assert_eq!(status, 201, "{started}");
    let part = stack.chunk(&started, 1, &random_bytes(20_000_000)).header("MF-CF-Blob", ELSEWHERE);
    let (status, body) = counter.act("part_streamed", &[], part.answer()).await;
    assert_eq!(status, 200, "{body}");
    counter.act("open_check", &[ALARM], std::future::ready(())).await;
    let check = counter.take("open_check");
    counter.actions.insert("open_check".to_owned(), Action { at_once: check.alone(), later: Counts::default() });
    counter.compare();
}
