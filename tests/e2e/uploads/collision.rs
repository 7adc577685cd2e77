//! Two contents with one MD5, which is what a store's ETag of a part is: no order of requests gives one's hash to the other's bytes.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, sha256, unique};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;

const CHUNK: usize = 5 * 1024 * 1024;

/// X. Wang, H. Yu, "How to Break MD5 and Other Hash Functions", EUROCRYPT 2005: the blocks of the first message; those of the second differ in six bytes.
const BLOCKS: &str = "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b\
                      d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70";

/// Places of these bytes: the second message has their highest bit turned.
const DIFFERENCES: [usize; 6] = [19, 45, 59, 83, 109, 123];

/// A colliding pair of one chunk each.
fn colliding_pair() -> [Vec<u8>; 2] {
    let mut first: Vec<u8> = (0..BLOCKS.len()).step_by(2).map(|at| u8::from_str_radix(&BLOCKS[at..at + 2], 16).unwrap()).collect();
    let mut second = first.clone();
    for place in DIFFERENCES {
        second[place] ^= 0x80;
    }
    first.resize(CHUNK, 7);
    second.resize(CHUNK, 7);
    assert_ne!(sha256(&first), sha256(&second));
    [first, second]
}

async fn shared_namespace(stack: &Stack) -> (String, [AccountAccess; 2]) {
    let mut members = Vec::new();
    for name in ["mallory", "victim"] {
        members.push(stack.account(&unique(name)).tier("enterprise").create().await);
    }
    let members: [AccountAccess; 2] = members.try_into().unwrap();
    let features = json!({ "jetty_speed_upload": true, "video_streaming": true, "desktop_cdn": true });
    let namespace = stack.namespace(&unique("jt_customer_")).field("features", features).field("chunk_size", json!(CHUNK));
    let name = namespace.member(&members[0]).member(&members[1]).create().await;
    (name, members)
}

/// Sends `bytes` as part 1: the answer, with the session, as `cache-chunk` takes it.
async fn send(stack: &Stack, started: &Value, bytes: &[u8]) -> Value {
    let (status, mut sent) = stack.chunk(started, 1, bytes).answer().await;
    assert_eq!(status, 200, "{sent}");
    sent["sessionId"] = started["sessionId"].clone();
    sent
}

async fn assert_nobody_gets(stack: &Stack, namespace: &str, victim: &AccountAccess, pair: &[Vec<u8>; 2], what: &str) {
    for bytes in pair {
        let wanted = json!({ "action": "start", "fileName": "v", "fileSize": CHUNK, "namespace": namespace, "chunkSize": CHUNK, "chunkHashes": [sha256(bytes)] });
        let (status, started) = stack.track(victim, wanted).await;
        assert_eq!((status, &started["missingParts"]), (201, &json!([1])), "{what}: {started}");
        let rows = stack.sql(&format!("SELECT * FROM chunks WHERE sha256 = '{}'", sha256(bytes))).await;
        assert!(rows[0].is_empty(), "{what}: {rows:?}");
    }
}

#[tokio::test]
async fn receipt_of_a_replaced_colliding_part_gives_its_hash_to_nobody() {
    let stack = Stack::start(&[]).await;
    let pair = colliding_pair();
    let (namespace, [mallory, victim]) = shared_namespace(&stack).await;
    for (what, order, shown) in [("X, Y, receipt of X", [0, 1], 0), ("X, Y, receipt of Y", [0, 1], 1), ("Y, X, receipt of Y", [1, 0], 1)] {
        let started = stack.session(&mallory).size(CHUNK).namespace(&namespace).start().await;
        let mut receipts = [Value::Null, Value::Null];
        for which in order {
            receipts[which] = send(&stack, &started, &pair[which]).await;
        }
        assert_eq!(receipts[0]["etag"], receipts[1]["etag"], "they have one MD5");
        let (status, recorded) = stack.post(&mallory, "/api/jetty/cache-chunk", receipts[shown].clone()).await;
        assert_eq!((status, &recorded["sha256"]), (200, &Value::Null), "{what}: {recorded}");
        let state = stack.session_state(&mallory, started["sessionId"].as_str().unwrap()).await;
        assert_eq!(state["completed"][0]["sha256"], Value::Null, "{what}: {state}");
        let (status, done) = stack.track(&mallory, action("complete", &started)).await;
        assert_eq!(status, 200, "{what}: {done}");
        assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == pair[order[1]], "{what}");
        assert_nobody_gets(&stack, &namespace, &victim, &pair, what).await;
    }
}

/// X is recorded. The answer to Y is lost, after the store took it: the record of X must not vouch for what the store has.
#[tokio::test]
async fn colliding_part_whose_answer_was_lost_takes_the_hash_from_the_record() {
    let stack = Stack::start(&[]).await;
    let pair = colliding_pair();
    let (namespace, [mallory, victim]) = shared_namespace(&stack).await;
    let started = stack.session(&mallory).size(CHUNK).namespace(&namespace).start().await;
    send(&stack, &started, &pair[0]).await;
    stack.proxy.inject(|method, target| (method == "PUT" && target.contains("partNumber=1")).then_some(Fault::LoseAnswer));
    send_unconfirmed_and_complete(&stack, &namespace, (&mallory, &victim), &started, &pair, "lost answer").await;
}

/// The store takes the part and its answer is lost; the Worker's next attempts are refused.
#[tokio::test]
async fn colliding_part_whose_last_attempt_was_refused_takes_the_hash_from_the_record() {
    let stack = Stack::start(&[]).await;
    let pair = colliding_pair();
    let (namespace, [mallory, victim]) = shared_namespace(&stack).await;
    let started = stack.session(&mallory).size(CHUNK).namespace(&namespace).start().await;
    send(&stack, &started, &pair[0]).await;
    let attempts = AtomicU32::new(0);
    stack.proxy.inject(move |method, target| {
        let fault = |attempt| if attempt == 0 { Fault::LoseAnswer } else { Fault::Answer(503, "SlowDown") };
        (method == "PUT" && target.contains("partNumber=1")).then(|| fault(attempts.fetch_add(1, Ordering::SeqCst)))
    });
    send_unconfirmed_and_complete(&stack, &namespace, (&mallory, &victim), &started, &pair, "refused attempt").await;
}

async fn send_unconfirmed_and_complete(
    stack: &Stack,
    namespace: &str,
    (mallory, victim): (&AccountAccess, &AccountAccess),
    started: &Value,
    pair: &[Vec<u8>; 2],
    what: &str,
) {
    let (status, body) = stack.chunk(started, 1, &pair[1]).answer().await;
    assert_eq!((status, &body["code"]), (503, &json!("origin-unavailable")), "{body}");
    stack.proxy.clear_faults();
    let (status, done) = stack.track(mallory, action("complete", started)).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == pair[1]);
    assert_nobody_gets(stack, namespace, victim, pair, what).await;
}
