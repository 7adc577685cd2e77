//! The command `jetty`.

use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use serde_json::Value;

use crate::harness::{Stack, eventually_every, random_file, stack};

mod config;
mod doctor;
mod download;
mod folders;
mod limit;
mod listing;
mod upload;
mod video;

pub fn jetty(stack: &Stack, account: &AccountAccess, folder: &Path) -> Command {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jetty");
    assert!(program.exists(), "{} is missing: run this through script/test", program.display());
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("JETTY_URL", &stack.url)
        .env("JETTY_API_KEY", &account.api_key)
        .env("JETTY_API_SECRET", &account.api_secret)
        .env("JETTY_CONFIG", folder.join("config.toml"))
        .env("JETTY_DATA", folder.join("data"));
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Runs `jetty` with these arguments in the folder.
async fn jetty_does(stack: &Stack, account: &AccountAccess, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = jetty(stack, account, folder);
    command.args(arguments);
    run(command).await
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// What it said on standard error.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends a signal (`INT`, `TERM`, …).
fn signal(child: &Child, name: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap().success());
}

/// The exit code of a child that ends by itself.
async fn code_of(mut child: Child) -> Option<i32> {
    eventually_every(Duration::from_millis(20), Duration::from_secs(60), async || child.try_wait().unwrap().ok_or("still running")).await.code()
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
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
        (&stack.dev, vec!["rm", "00000000-0000-4000-8000-000000000000"], 4, "Not found"),
        (&stack.dev, vec!["cancel", "00000000-0000-4000-8000-000000000000"], 4, "Not found"),
        (&stack.dev, vec!["upload"], 2, "required"),
        (&stack.dev, vec!["--url", "http://u:p@x", "ls"], 2, "must not contain a user name"),
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
async fn signals_end_a_command_that_waits_for_a_fifo_and_leave_no_temporary_file() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    random_file(folder.path(), "a.bin", 20);
    let id = json(&jetty_does(stack, &stack.dev, folder.path(), &["--json", "upload", "a.bin"]).await)["asset"]["id"].as_str().unwrap().to_owned();
    fifo(&folder.path().join("fifo"));
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        // Nobody reads from it.
        let child = jetty(stack, &stack.dev, folder.path()).args(["download", &id, "--force", "-o", "fifo"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        signal(&child, name);
        assert_eq!(code_of(child).await, Some(code), "{name}");
    }
    // The configuration is read before anything else, and from whatever JETTY_CONFIG names.
    let child = jetty(stack, &stack.dev, folder.path()).env("JETTY_CONFIG", folder.path().join("fifo")).arg("ls").spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(&child, "INT");
    assert_eq!(code_of(child).await, Some(130));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a.bin and the FIFO");
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused_with_a_clear_message_unless_it_is_a_local_path() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"na\xEFve.txt");
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), "text").unwrap();
    std::fs::write(folder.path().join("plain.txt"), "text").unwrap();
    let does = async |arguments: &[&str], last: &[&std::ffi::OsStr]| {
        let mut command = jetty(stack, &stack.dev, folder.path());
        command.args(arguments).args(last);
        run(command).await
    };
    for output in [does(&["upload", "plain.txt", "--name"], &[name]).await, does(&["upload"], &[name]).await, does(&["rm"], &[name]).await] {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output).contains("UTF-8"), "{output:?}");
    }
    let output = does(&["--json", "upload", "--name", "naïve.txt"], &[name]).await;
    assert_eq!(json(&output)["asset"]["name"], "naïve.txt");
    let id = json(&output)["asset"]["id"].as_str().unwrap().to_owned();
    let output = does(&["--json", "download", &id, "-f", "-o"], &[name]).await;
    assert!(output.status.success() && json(&output)["path"].is_string(), "{output:?}");
}

#[tokio::test]
async fn reader_that_wants_no_more_is_no_failure_and_a_full_disk_is_one() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let mut child = jetty(stack, &stack.dev, folder.path()).arg("quota").stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(code_of(child).await, Some(0));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let child = jetty(stack, &stack.dev, folder.path()).arg("quota").stdout(full).stderr(std::process::Stdio::null()).spawn().unwrap();
    assert_eq!(code_of(child).await, Some(1));
}
