//! Uploads at the store that no session owns are aborted once they are old; nothing else is touched.

use jettyspeed_devstack::proxy::Fault;
use std::time::Duration;

use serde_json::json;

use crate::stack::{Stack, answer, random_bytes};

/// The daily run, now.
pub async fn daily(stack: &Stack) {
    let url = format!("{}/cdn-cgi/local/scheduled?cron=17+3+*+*+*", stack.url);
    assert_eq!(stack.http.get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_nobody_owns_goes_and_what_somebody_owns_stays() {
    let stack = Stack::start_with_bucket("swept", &[("SWEEP_AGE_SECONDS", "12")]).await;
    let account = stack.provisioned("sweeper", "pro").await;
    let owned = stack.started(&account, 5_000).await;
    let orphan_key = format!("users/sweeper/o/{}", "01010101-0101-4101-8101-010101010101");
    let orphan = stack.bucket.open(&orphan_key).await;
    let foreign = stack.bucket.open("users/sweeper/backup").await;
    tokio::time::sleep(Duration::from_secs(13)).await;
    let young = stack.started(&account, 6_000).await;
    // About to be recorded, for all that anybody knows.
    let unborn_key = orphan_key.replace("01010101-", "02020202-");
    let unborn = stack.bucket.open(&unborn_key).await;
    daily(&stack).await;
    for _ in 0..80 {
        if !stack.bucket.open_uploads().await.contains(&orphan) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let left = stack.bucket.open_uploads().await;
    assert!(!left.contains(&orphan), "what nobody owns goes");
    for upload in [owned["uploadId"].as_str().unwrap(), young["uploadId"].as_str().unwrap(), &foreign, &unborn] {
        assert!(left.iter().any(|open| open == upload), "{upload} stays");
    }
    let bytes = random_bytes(5_000);
    stack.send_all(&owned, &bytes).await;
    let complete = json!({ "action": "complete", "sessionId": owned["sessionId"] });
    assert_eq!(stack.track(&account, complete).await.0, 200);
    let fail = json!({ "action": "fail", "sessionId": young["sessionId"] });
    assert_eq!(stack.track(&account, fail).await.0, 200);
    stack.bucket.abort("users/sweeper/backup", &foreign).await;
    stack.bucket.abort(&unborn_key, &unborn).await;
}

/// The store loses the answer to a write and is down for longer than the queue has patience with the job that looks into it.
#[tokio::test]
async fn a_job_that_fails_ten_times_and_that_nobody_else_would_send_is_sent_again() {
    let stack = Stack::start(&[("QUEUE_RETRY_SECONDS", "1")]).await;
    let account = stack.provisioned("patient", "pro").await;
    stack.proxy.inject(|method, target| match method.as_str() {
        "PUT" if target.contains("/v/film/") => Some(Fault::LoseAnswer),
        "HEAD" | "GET" => Some(Fault::Answer(503, "SlowDown")),
        _ => None,
    });
    let request = stack.request(reqwest::Method::PUT, "/api/video/film/0.ts", &account).body("bytes");
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert!(status >= 500, "{body}");
    let log = stack.worker.lock().await.log();
    let started = std::time::Instant::now();
    let sent_again = || std::fs::read_to_string(&log).unwrap().lines().any(|line| line.contains("failed too often") && line.contains("amend_video"));
    while !sent_again() {
        assert!(started.elapsed() < Duration::from_secs(200), "it was given up without a word");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let tries = stack.proxy.seen("/v/film/").iter().filter(|seen| seen.method == "HEAD").count();
    assert!(tries >= 11, "{tries}");
}

#[tokio::test]
async fn a_look_that_was_lost_is_made_up_for() {
    let stack = Stack::start(&[]).await;
    let account = stack.provisioned("forgotten", "pro").await;
    let asset = stack.stored(&account, b"forgotten bytes".to_vec()).await;
    let id = asset["id"].as_str().unwrap();
    // What a lost job leaves: a claim that nobody has looked at for hours.
    let hash = crate::stack::sha256(b"forgotten bytes");
    stack.sql(&format!("UPDATE objects SET verification = 'pending', claimed_sha256 = '{hash}', created_at = 1")).await;
    daily(&stack).await;
    assert_eq!(stack.verified(&account, id).await["sha256"], hash.as_str());
    let list = stack.request(reqwest::Method::GET, "/api/storage/files", &account);
    assert_eq!(answer(list.send().await.unwrap()).await.1["files"].as_array().unwrap().len(), 1);
}
