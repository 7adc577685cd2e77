//! Queue jobs and the daily run: the sweep of orphaned uploads, retries, lost jobs.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;

use crate::harness::{Call, Stack, action, done_or, eventually, eventually_every, random_bytes, sha256};

#[tokio::test]
async fn sweep_aborts_orphaned_uploads_and_keeps_owned_ones() {
    let stack = Stack::start_with_bucket("swept", &[("SWEEP_AGE_SECONDS", "12")]).await;
    let account = stack.account("sweeper").tier("pro").create().await;
    let owned = stack.session(&account).size(5_000).start().await;
    let orphan_key = format!("users/sweeper/o/{}", "01010101-0101-4101-8101-010101010101");
    let orphan = stack.bucket.create_upload(&orphan_key).await;
    let foreign = stack.bucket.create_upload("users/sweeper/backup").await;
    tokio::time::sleep(Duration::from_secs(13)).await;
    let young = stack.session(&account).size(6_000).start().await;
    // Younger than SWEEP_AGE_SECONDS: its session may be about to be recorded.
    let unborn_key = orphan_key.replace("01010101-", "02020202-");
    let unborn = stack.bucket.create_upload(&unborn_key).await;
    stack.run_daily().await;
    let left = eventually(Duration::from_secs(40), async || {
        let left = stack.bucket.open_upload_ids().await;
        if left.contains(&orphan) { Err("the orphaned upload is still open") } else { Ok(left) }
    })
    .await;
    for upload in [owned["uploadId"].as_str().unwrap(), young["uploadId"].as_str().unwrap(), &foreign, &unborn] {
        assert!(left.iter().any(|open| open == upload), "{upload} stays");
    }
    let bytes = random_bytes(5_000);
    stack.send_all_parts(&owned, &bytes).await;
    let complete = action("complete", &owned);
    assert_eq!(stack.track(&account, complete).await.0, 200);
    let fail = action("fail", &young);
    assert_eq!(stack.track(&account, fail).await.0, 200);
    stack.bucket.abort("users/sweeper/backup", &foreign).await;
    stack.bucket.abort(&unborn_key, &unborn).await;
}

/// The store loses the answer to a write and then stays down for longer than the queue retries the job that reconciles it.
#[tokio::test]
async fn job_that_failed_ten_times_is_sent_again() {
    let stack = Stack::start(&[("QUEUE_RETRY_SECONDS", "1")]).await;
    let account = stack.account("patient").tier("pro").create().await;
    stack.proxy.inject(|method, target| match method.as_str() {
        "PUT" if target.contains("/v/film/") => Some(Fault::LoseAnswer),
        "HEAD" | "GET" => Some(Fault::Answer(503, "SlowDown")),
        _ => None,
    });
    let request = stack.request(reqwest::Method::PUT, "/api/video/film/0.ts", &account).body("bytes");
    let (status, body) = request.answer().await;
    assert!(status >= 500, "{body}");
    let log = stack.worker.lock().await.log();
    let sent_again = || std::fs::read_to_string(&log).unwrap().lines().any(|line| line.contains("failed too often") && line.contains("amend_video"));
    let look = async || done_or(sent_again(), "no line of the log says that the job failed too often");
    eventually_every(Duration::from_millis(500), Duration::from_secs(200), look).await;
    let tries = stack.proxy.seen("/v/film/").iter().filter(|seen| seen.method == "HEAD").count();
    assert!(tries >= 11, "{tries}");
}

#[tokio::test]
async fn lost_verification_is_repeated_by_the_daily_run() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("forgotten").tier("pro").create().await;
    let asset = stack.asset(&account).bytes(b"forgotten bytes".to_vec()).store().await;
    let id = asset["id"].as_str().unwrap();
    // What a lost job leaves: a claimed hash that was not verified for hours.
    let hash = sha256(b"forgotten bytes");
    stack.sql(&format!("UPDATE objects SET verification = 'pending', claimed_sha256 = '{hash}', created_at = 1")).await;
    stack.run_daily().await;
    assert_eq!(stack.verified(&account, id).await["sha256"], hash.as_str());
    let list = stack.request(reqwest::Method::GET, "/api/storage/files", &account);
    assert_eq!(list.answer().await.1["files"].as_array().unwrap().len(), 1);
}
