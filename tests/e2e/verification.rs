//! Verification of large objects in steps, of objects that can not be read, and of those behind many that can not.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, Stack, action, done_or, eventually_every, random_bytes, sha256};

const STEP: &str = "5000000";

#[tokio::test]
async fn object_over_the_step_size_is_hashed_in_steps_each_read_once() {
    let stack = Stack::start(&[("VERIFY_STEP_BYTES", STEP)]).await;
    let account = stack.account("steps").tier("enterprise").create().await;
    let (asset, bytes) = stack.file(&account).name("large.bin").size(23_000_000).upload().await;
    let verified = stack.verified(&account, &asset.id).await;
    assert_eq!((&verified["verification"], &verified["sha256"]), (&json!("verified"), &json!(sha256(&bytes))));
    assert_eq!(stack.store_reads(&asset.s3_key), 5, "four steps of 5 MB and one of 3 MB");
    assert_eq!(stack.sql("SELECT * FROM verifications").await, [Vec::<serde_json::Value>::new()]);

    // At the size itself in one pass; and a false hash is found out in steps, too.
    let (whole, _) = stack.file(&account).name("whole.bin").size(5_000_000).upload().await;
    assert_eq!(stack.verified(&account, &whole.id).await["verification"], "verified");
    assert_eq!(stack.store_reads(&whole.s3_key), 1);
    let bytes = random_bytes(12_000_000);
    let started = stack.session(&account).size(bytes.len()).hash(&sha256(b"other bytes")).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    let seen = stack.verified(&account, done["asset"]["id"].as_str().unwrap()).await;
    assert_eq!((&seen["verification"], seen.get("verificationReason")), (&json!("mismatch"), None));
}

#[tokio::test]
async fn step_that_breaks_off_goes_on_from_the_last_byte_that_arrived() {
    let stack = Stack::start(&[("VERIFY_STEP_BYTES", "8000000"), ("QUEUE_RETRY_SECONDS", "1")]).await;
    let account = stack.account("broken").tier("enterprise").create().await;
    let mut cuts = 0;
    stack.proxy.inject(move |method, target| {
        let read = method == Method::GET && target.contains("/users/broken/o/") && !target.contains('?');
        cuts += u32::from(read);
        // The first answer is cut, the second comes from a store that is down, the third is of another version.
        match cuts {
            1 if read => Some(Fault::CutBody),
            2 if read => Some(Fault::Answer(503, "SlowDown")),
            3 if read => Some(Fault::OtherVersion),
            _ => None,
        }
    });
    let (asset, bytes) = stack.file(&account).name("large.bin").size(19_000_000).upload().await;
    let verified = stack.verified(&account, &asset.id).await;
    assert_eq!((&verified["verification"], &verified["sha256"]), (&json!("verified"), &json!(sha256(&bytes))));
    // Cut, refused, other version; then the rest from the cut on: 19 MB less half a step, in steps of 8 MB.
    assert_eq!(stack.store_reads(&asset.s3_key), 3 + 2);
}

#[tokio::test]
async fn object_that_can_not_be_read_is_given_up_with_a_reason_and_read_no_more() {
    for (step, size) in [(STEP, 12_000_000), ("2000000000", 5_000)] {
        let stack = Stack::start(&[("VERIFY_STEP_BYTES", step), ("VERIFY_MAX_ATTEMPTS", "3"), ("QUEUE_RETRY_SECONDS", "1")]).await;
        let account = stack.account("given-up").tier("enterprise").create().await;
        stack.proxy.inject(|method, target| {
            let read = method == Method::GET && target.contains("/users/given-up/o/") && !target.contains('?');
            read.then_some(Fault::Answer(503, "SlowDown"))
        });
        let bytes = random_bytes(size);
        let started = stack.session(&account).size(size).hash(&sha256(&bytes)).start().await;
        stack.send_all_parts(&started, &bytes).await;
        let (status, done) = stack.track(&account, action("complete", &started)).await;
        assert_eq!((status, &done["asset"]["verification"]), (200, &json!("pending")), "{done}");
        let asset = stack.verified(&account, done["asset"]["id"].as_str().unwrap()).await;
        let expected = (&json!("none"), &json!("origin-unavailable"), &json!(null));
        assert_eq!((&asset["verification"], &asset["verificationReason"], &asset["sha256"]), expected);
        let reads = stack.store_reads(asset["s3Key"].as_str().unwrap());
        assert_eq!(reads, 3);
        stack.run_daily().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(stack.store_reads(asset["s3Key"].as_str().unwrap()), reads, "the daily run leaves it");
        assert_eq!(stack.sql("SELECT * FROM verifications").await, [Vec::<serde_json::Value>::new()]);
    }
}

#[tokio::test]
async fn object_behind_520_that_can_not_be_read_is_verified_by_the_daily_run() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("behind").tier("pro").create().await;
    let asset = stack.asset(&account).bytes(b"the newest".to_vec()).store().await;
    let (id, namespace, hash) = (asset["id"].as_str().unwrap(), &account.namespace, sha256(b"the newest"));
    stack.sql(&format!("UPDATE objects SET verification = 'pending', claimed_sha256 = '{hash}', created_at = 2")).await;
    // Of one millisecond, all of them older, and none at the store.
    stack
        .sql(&format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 520) \
             INSERT INTO objects (id, namespace, s3_key, size, etag, claimed_sha256, verification, created_at) \
             SELECT printf('%08x-0000-4000-8000-000000000000', n), '{namespace}', 'users/behind/o/' || n, 5, 'e', '{hash}', 'pending', 1 FROM n"
        ))
        .await;
    stack.run_daily().await;
    eventually_every(Duration::from_secs(1), Duration::from_secs(200), async || {
        let (_, body) = stack.get(&account, &format!("/api/storage/files/{id}")).await;
        done_or(body["asset"]["verification"] == "verified", body)
    })
    .await;
}

#[tokio::test]
async fn deployment_that_finds_anothers_mark_in_the_bucket_does_not_sweep() {
    let vars = [("SWEEP_AGE_SECONDS", "2")];
    let production = Stack::start_with_bucket("marked", &vars).await;
    let owner = async |stack: &Stack| stack.anonymous(Method::GET, "/api/health").with_new_address().answer().await.1["bucketOwner"].clone();
    assert_eq!(owner(&production).await, json!(null), "nobody has looked");
    let account = production.account("produces").tier("pro").create().await;
    let under_way = production.session(&account).size(5_000).start().await;
    let orphan = production.bucket.create_upload("users/produces/o/01010101-0101-4101-8101-010101010101").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    production.run_daily().await;
    let is_open = async |upload: &str| production.bucket.open_upload_ids().await.iter().any(|open| open == upload);
    let look = async || done_or(!is_open(&orphan).await, "the orphaned upload is still open");
    eventually_every(Duration::from_secs(1), Duration::from_secs(60), look).await;
    let mark = production.bucket.get("jettyspeed/deployment").await.unwrap();

    let staging = Stack::start_with_bucket("marked", &vars).await;
    let orphan = production.bucket.create_upload("users/produces/o/02020202-0202-4202-8202-020202020202").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    staging.run_daily().await;
    let look = async || {
        let owner = owner(&staging).await;
        done_or(owner == "another-deployment", owner)
    };
    // The isolate keeps what it knew for half a minute.
    eventually_every(Duration::from_secs(1), Duration::from_secs(60), look).await;
    assert_eq!(owner(&production).await, "this-deployment");
    assert!(is_open(under_way["uploadId"].as_str().unwrap()).await && is_open(&orphan).await, "staging aborted nothing");
    assert_eq!(production.bucket.get("jettyspeed/deployment").await.unwrap(), mark);
    let bytes = random_bytes(5_000);
    production.send_all_parts(&under_way, &bytes).await;
    assert_eq!(production.track(&account, action("complete", &under_way)).await.0, 200);
}
