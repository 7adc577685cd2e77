//! The command `jetty`.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use serde_json::Value;

use crate::harness::{Stack, done_or, eventually_every, random_file, stack};

pub fn jetty(stack: &Stack, account: &AccountAccess, folder: &Path) -> Command {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jetty");
    assert!(program.exists(), "{} is missing: run this through script/test", program.display());
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("JETTY_URL", &stack.url)
        .env("JETTY_API_KEY", &account.api_key)
        .env("JETTY_API_SECRET", &account.api_secret)
        .env("JETTY_CONFIG", folder.join("config.toml"));
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

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
    assert_eq!((&done["bytesSent"], &done["bytesSaved"], &done["partsSent"]), (&50_000_000.into(), &150_000_000.into(), &1.into()), "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
}

#[tokio::test]
async fn each_failure_has_its_exit_code_and_message() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    random_file(folder.path(), "a.bin", 20);
    let code = |account: &AccountAccess, arguments: &[&str]| {
        let mut command = jetty(stack, account, folder.path());
        command.args(arguments);
        run(command)
    };
    for (account, arguments, expected, words) in [
        (&stack.dev, vec!["upload", "absent.bin"], 1, "absent.bin: No such file"),
        (&stack.dev, vec!["upload", "."], 2, "is not a file"),
        (&stack.dev, vec!["bogus"], 2, "unrecognized subcommand"),
        (&stack.dev, vec!["--url", "ftp://x", "ls"], 2, "must start with https://"),
        (&stack.dev, vec!["--secret", "wrong", "ls"], 3, "Credentials"),
        (&stack.starter, vec!["upload", "--accelerate", "a.bin"], 3, "Not in this tier"),
        (&stack.dev, vec!["download", "00000000-0000-4000-8000-000000000000"], 4, "Not found"),
        (&stack.free, vec!["upload", "a.bin"], 5, "Storage quota exceeded"),
    ] {
        let output = code(account, &arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains(&account.api_secret));
    }
}

#[tokio::test]
async fn config_file_has_mode_600_and_supplies_credentials() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let bare = |arguments: &[&str]| {
        let mut command = jetty(stack, &stack.dev, folder.path());
        command.env_remove("JETTY_URL").env_remove("JETTY_API_KEY").env_remove("JETTY_API_SECRET").args(arguments);
        run(command)
    };
    assert_eq!(bare(&["ls"]).await.status.code(), Some(2));
    let output = bare(&["config", "--url", &stack.url, "--key", &stack.dev.api_key, "--secret", &stack.dev.api_secret]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&stack.dev.api_secret), "the secret is not shown");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder.path().join("config.toml")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(bare(&["ls"]).await.status.success());
}

#[tokio::test]
async fn killed_upload_resumes_on_the_next_run() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = random_file(folder.path(), "large.bin", 90_000_000);
    for signal in ["KILL", "INT"] {
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
        assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap().success());
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert_eq!(status.code(), if signal == "INT" { Some(130) } else { None });
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
