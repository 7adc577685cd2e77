//! `--limit` and `jetty limit`.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{code_of, jetty, jetty_does, json, said};
use crate::harness::{Stack, random_file, stack};

/// Seconds that `jetty` takes with these arguments.
async fn seconds(stack: &Stack, folder: &Path, arguments: &[&str]) -> f64 {
    let began = Instant::now();
    let output = jetty_does(stack, &stack.dev, folder, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    began.elapsed().as_secs_f64()
}

/// Whether that many seconds are what `bytes` bytes take at `rate` bytes per second, give or take a fifth.
fn assert_rate(seconds: f64, bytes: usize, rate: f64) {
    let measured = bytes as f64 / seconds;
    assert!((rate * 0.8..=rate * 1.2).contains(&measured), "{measured} instead of {rate} bytes per second");
}

/// What is measured by the clock: on an idle machine.
mod timed {
    use super::*;

    #[tokio::test]
    async fn upload_in_parts_in_one_request_and_download_keep_to_the_limit() {
        let stack = stack().await;
        let folder = tempfile::tempdir().unwrap();
        let (_, bytes) = random_file(folder.path(), "large.bin", 24_000_000);
        random_file(folder.path(), "small.bin", 8_000_000);
        let upload = ["upload", "--no-verify", "--no-dedup", "--limit"];
        assert_rate(seconds(stack, folder.path(), &[&upload[..], &["2400K", "large.bin"]].concat()).await, bytes.len(), 2_400_000.0);
        assert_rate(seconds(stack, folder.path(), &[&upload[..], &["800K", "small.bin"]].concat()).await, 8_000_000, 800_000.0);
        let sent = json(&jetty_does(stack, &stack.dev, folder.path(), &["--json", "upload", "--no-verify", "large.bin"]).await);
        let id = sent["asset"]["id"].as_str().unwrap();
        let took = seconds(stack, folder.path(), &["download", id, "-o", "back.bin", "--limit", "00:00,2400K 23:59,2400K"]).await;
        assert_rate(took, bytes.len(), 2_400_000.0);
        assert!(std::fs::read(folder.path().join("back.bin")).unwrap() == bytes);
    }

    #[tokio::test]
    async fn limit_of_a_running_upload_is_changed_and_taken_back() {
        let stack = stack().await;
        let folder = tempfile::tempdir().unwrap();
        random_file(folder.path(), "large.bin", 30_000_000);
        let does = async |arguments: &[&str]| jetty_does(stack, &stack.dev, folder.path(), arguments).await;
        assert!(String::from_utf8_lossy(&does(&["limit"]).await.stdout).contains("nothing is set"));
        assert_eq!(does(&["limit", "9"]).await.status.code(), Some(2));
        // What was set goes before what the command is given.
        assert_eq!(json(&does(&["--json", "limit", "500k"]).await)["limit"], "500K");
        let began = Instant::now();
        let mut child = jetty(stack, &stack.dev, folder.path())
            .args(["upload", "--no-verify", "--no-dedup", "--limit", "off", "large.bin"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(child.try_wait().unwrap().is_none(), "it would take 60 s");
        assert_eq!(json(&does(&["--json", "limit", "--clear"]).await)["limit"], serde_json::Value::Null);
        assert_eq!(code_of(child).await, Some(0));
        let took = began.elapsed().as_secs_f64();
        assert!((5.0..35.0).contains(&took), "{took} s");
    }
}
