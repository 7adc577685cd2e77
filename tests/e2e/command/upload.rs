//! `jetty upload`.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use serde_json::Value;

use super::{code_of, jetty, jetty_does, json, run, said, signal};
use crate::harness::{Call, Stack, done_or, eventually_every, random_file, sha256, stack, unique};

#[tokio::test]
async fn upload_ls_download_and_status_return_the_uploaded_file() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = random_file(folder.path(), "film.mp4", 21_000_000);
    let command = |arguments: &[&str]| {
        let mut command = jetty(stack, &stack.dev, folder.path());
        command.args(arguments);
        command
    };
    let done = json(&run(command(&["--json", "upload", "film.mp4"])).await);
    assert_eq!((&done["asset"]["contentType"], &done["partsSent"]), (&"video/mp4".into(), &3.into()));
    let id = done["asset"]["id"].as_str().unwrap();
    let output = run(command(&["download", id, "-o", "back.mp4"])).await;
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read(folder.path().join("back.mp4")).unwrap() == bytes);
    let output = run(command(&["download", id])).await;
    assert_eq!(output.status.code(), Some(2), "does not overwrite: {output:?}");
    let status = json(&run(command(&["--json", "status", done["sessionId"].as_str().unwrap()])).await);
    assert_eq!((&status["status"], &status["uploadToken"]), (&"complete".into(), &Value::Null), "no token is printed");
    let listed = json(&run(command(&["--json", "ls"])).await);
    assert!(listed["files"].as_array().unwrap().iter().any(|file| file["id"] == id));
    let words = run(command(&["upload", "--no-dedup", "film.mp4"])).await;
    assert!(String::from_utf8_lossy(&words.stdout).contains("sent 21.00 MB"), "{words:?}");
    stack.verified(&stack.dev, id).await;
    let words = run(command(&["upload", "film.mp4"])).await;
    assert!(String::from_utf8_lossy(&words.stdout).contains("nothing to send: the server had all 21.00 MB"), "{words:?}");
}

#[tokio::test]
async fn file_of_200_mb_with_one_changed_chunk_sends_one_part() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, mut bytes) = random_file(folder.path(), "disk.img", 200_000_000);
    let upload = || {
        let mut command = jetty(stack, &stack.dev, folder.path());
        command.args(["--json", "upload", "disk.img"]);
        run(command)
    };
    let done = json(&upload().await);
    assert_eq!((&done["bytesSent"], &done["bytesSaved"]), (&200_000_000.into(), &0.into()), "{done}");
    bytes[123_456_789] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let done = json(&upload().await);
    assert_eq!((&done["bytesSent"], &done["bytesSaved"], &done["partsSent"]), (&12_000_000.into(), &188_000_000.into(), &1.into()), "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
}

#[tokio::test]
async fn killed_upload_resumes_on_the_next_run() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = random_file(folder.path(), "large.bin", 90_000_000);
    for name in ["KILL", "INT"] {
        // Kill while the store has some parts but not all: parts are sent one at a time.
        let mut child =
            jetty(&stack, &stack.dev, folder.path()).args(["upload", "large.bin", "--threads", "1"]).stderr(Stdio::null()).spawn().unwrap();
        let known = stack.proxy.seen("partNumber=").len();
        eventually_every(Duration::from_millis(2), Duration::from_secs(120), async || {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
            let parts = stack.proxy.seen("partNumber=").len();
            done_or(parts >= known + 2, format!("{parts} parts"))
        })
        .await;
        signal(&child, name);
        assert_eq!(code_of(child).await, if name == "INT" { Some(130) } else { None });
    }
    let output = run({
        let mut command = jetty(&stack, &stack.dev, folder.path());
        command.args(["--json", "upload", "large.bin"]);
        command
    })
    .await;
    let done = json(&output);
    assert!(done["bytesResumed"].as_u64().unwrap() >= 30_000_000, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
}

#[tokio::test]
async fn file_option_is_the_same_as_the_argument_and_upload_waits_for_the_check_of_the_bytes() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    random_file(folder.path(), "small.bin", 3_000);
    random_file(folder.path(), "large.bin", 21_000_000);
    for name in ["small.bin", "large.bin"] {
        let output = jetty_does(stack, &stack.dev, folder.path(), &["--json", "upload", "--file", name, "--wait", "120"]).await;
        assert_eq!((&json(&output)["asset"]["name"], &json(&output)["asset"]["verification"]), (&name.into(), &"verified".into()), "{output:?}");
    }
    random_file(folder.path(), "small.bin", 3_000);
    let output = jetty_does(stack, &stack.dev, folder.path(), &["--json", "upload", "--no-verify", "small.bin"]).await;
    assert_eq!(json(&output)["asset"]["verification"], "pending", "it does not wait");
}

#[tokio::test]
async fn upload_whose_stored_bytes_are_not_those_of_the_claimed_hash_fails_with_code_6() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let account = stack.account(&unique("mismatch-")).create().await;
    let (_, bytes) = random_file(folder.path(), "false.bin", 11_000_000);
    // Another client began this upload with the hash of other bytes.
    let started = stack.session(&account).name("false.bin").size(bytes.len()).hash(&sha256(b"other bytes")).start().await;
    let chunk = usize::try_from(started["strategy"]["chunkSize"].as_u64().unwrap()).unwrap();
    assert_eq!(stack.chunk(&started, 1, &bytes[..chunk]).answer().await.0, 200);
    let output = jetty_does(stack, &account, folder.path(), &["--json", "upload", "false.bin", "--wait", "120"]).await;
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(json(&output)["error"]["code"], "verification-mismatch");
    let listed = json(&jetty_does(stack, &account, folder.path(), &["--json", "ls"]).await);
    let id = listed["files"][0]["id"].as_str().unwrap();
    assert!(said(&output).contains("is not what was sent") && said(&output).contains(&format!("jetty rm {id}")), "{output:?}");
}

#[tokio::test]
async fn file_that_grows_all_the_time_is_either_stored_or_refused_and_not_both() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let account = stack.account(&unique("grower-")).create().await;
    let (path, _) = random_file(folder.path(), "growing.log", 9_000_000);
    let grows = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (still, of_writer) = (std::sync::Arc::clone(&grows), path.clone());
    let writer = std::thread::spawn(move || {
        let mut file = std::fs::File::options().append(true).open(of_writer).unwrap();
        while still.load(std::sync::atomic::Ordering::SeqCst) {
            file.write_all(b"another line\n").unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    for _ in 0..6 {
        let before = stored(stack, &account).await;
        let output = jetty_does(stack, &account, folder.path(), &["--json", "upload", "growing.log", "--no-verify"]).await;
        let after = stored(stack, &account).await;
        if output.status.success() {
            assert_eq!(after, before + 1, "{output:?}");
        } else {
            assert_eq!(after, before, "{output:?}");
            assert!(said(&output).contains("changed during the transfer"), "{output:?}");
        }
    }
    grows.store(false, std::sync::atomic::Ordering::SeqCst);
    writer.join().unwrap();
}

/// How many files the account has.
async fn stored(stack: &Stack, account: &AccountAccess) -> usize {
    stack.edge(account).files(None, 500).await.unwrap().files.len()
}

#[tokio::test]
async fn file_that_is_truncated_while_its_parts_are_sent_is_refused_at_once_and_its_session_ends() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = random_file(folder.path(), "shrinks.bin", 90_000_000);
    let child = jetty(&stack, &stack.dev, folder.path()).args(["upload", "shrinks.bin", "--threads", "1"]).stderr(Stdio::piped()).spawn().unwrap();
    eventually_every(Duration::from_millis(2), Duration::from_secs(120), async || {
        let parts = stack.proxy.seen("partNumber=").len();
        done_or(parts >= 2, format!("{parts} parts"))
    })
    .await;
    std::fs::File::options().write(true).open(path).unwrap().set_len(1_000).unwrap();
    let (output, sent) =
        (tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap(), stack.proxy.seen("partNumber=").len());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("changed during the transfer"), "{output:?}");
    assert!(sent <= 5, "{sent} parts reached the store: nothing was tried again");
    let listed = json(&jetty_does(&stack, &stack.dev, folder.path(), &["--json", "sessions"]).await);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 0, "{listed}");
}

#[tokio::test]
async fn several_files_go_in_a_few_requests_and_one_that_is_absent_keeps_no_other_from_being_stored() {
    let stack = stack().await;
    let account = stack.account(&unique("many")).tier("pro").create().await;
    let folder = tempfile::tempdir().unwrap();
    let mut sent = std::collections::HashMap::new();
    for (number, size) in (0..230).map(|number| (number, number * 37)).chain([(900, 11_000_000)]) {
        let name = format!("{number} ü.bin");
        sent.insert(name.clone(), random_file(folder.path(), &name, size).1);
    }
    let mut names: Vec<&str> = sent.keys().map(String::as_str).collect();
    names.push("absent.bin");
    let output = jetty_does(stack, &account, folder.path(), &[&["--json", "upload"], names.as_slice()].concat()).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let files = json(&output)["files"].as_array().unwrap().clone();
    assert_eq!(files.iter().map(|file| file["path"].as_str().unwrap()).collect::<Vec<_>>(), names, "in the order of the arguments");
    for file in &files {
        let Some(bytes) = sent.get(file["path"].as_str().unwrap()) else {
            assert!(file["error"].as_str().unwrap().contains("No such file"), "{file}");
            continue;
        };
        assert_eq!(file["asset"]["name"], file["path"], "{file}");
        assert!(stack.bucket.get(file["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == *bytes, "{file}");
    }
    assert_eq!(stored(stack, &account).await, sent.len());
    let words = jetty_does(stack, &account, folder.path(), &["upload", "1 ü.bin", "2 ü.bin"]).await;
    assert!(words.status.success() && String::from_utf8_lossy(&words.stdout).lines().count() == 2, "{words:?}");
}
