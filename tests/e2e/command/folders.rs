//! `jetty upload --to`, `download PREFIX/`, `ls PREFIX`, `mv`, `cp`, `rm`, and standard input.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jettyspeed_devstack::state::AccountAccess;
use serde_json::{Value, json};

use super::{code_of, jetty, jetty_does, json, said, signal};
use crate::harness::{Stack, done_or, eventually, eventually_every, random_bytes, random_file, stack, unique};

/// When files of these tests were last changed.
fn long_ago() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_577_934_245_678)
}

/// An account that nobody else uses, and the part of targets at the store that only its objects have.
async fn account(stack: &Stack) -> (AccountAccess, String) {
    let user = unique("folders-");
    (stack.account(&user).tier("enterprise").create().await, user)
}

/// Writes files of random bytes, which were last changed long ago.
fn write(folder: &Path, files: &[(&str, usize)]) -> BTreeMap<String, Vec<u8>> {
    let written = files.iter().map(|(name, size)| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = random_bytes(*size);
        std::fs::write(&path, &bytes).unwrap();
        std::fs::File::options().write(true).open(path).unwrap().set_modified(long_ago()).unwrap();
        ((*name).to_owned(), bytes)
    });
    written.collect()
}

/// Requests that wrote to the store.
fn writes(stack: &Stack, user: &str) -> usize {
    stack.proxy.seen(user).iter().filter(|seen| seen.method != "GET" && seen.method != "HEAD").count()
}

fn paths(listed: &Value) -> Vec<String> {
    listed["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

async fn listed(stack: &Stack, account: &AccountAccess, folder: &Path, prefix: &str) -> Vec<String> {
    paths(&json(&jetty_does(stack, account, folder, &["--json", "ls", "-r", prefix]).await))
}

#[tokio::test]
async fn folder_with_odd_names_is_sent_once_with_its_times_and_comes_back_the_same() {
    let stack = stack().await;
    let (account, user) = account(stack).await;
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let mut files = write(
        &source,
        &[
            ("a b.txt", 10),
            ("100 %/50%25 #.bin", 2_000),
            ("\u{fc}ber/\u{e4}.txt", 30),
            ("e\u{301}/e\u{301}.txt", 40),
            ("empty", 0),
            ("deep/er/and/deeper/x", 5),
            ("large.bin", 11_000_000),
        ],
    );
    std::os::unix::fs::symlink("/etc/hostname", source.join("link")).unwrap();
    std::os::unix::fs::symlink(folder.path(), source.join("deep/loop")).unwrap();
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    let upload = async || does(&["--json", "upload", "source", "--to", "my backup"]).await;
    let output = upload().await;
    assert!(output.status.success(), "{output:?}");
    let skipped: Vec<_> = json(&output)["skipped"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(skipped, ["source/deep/loop", "source/link"]);
    // The server has the composed names.
    let decomposed = files.remove("e\u{301}/e\u{301}.txt").unwrap();
    files.insert("\u{e9}/\u{e9}.txt".to_owned(), decomposed);
    let expected: Vec<String> = files.keys().map(|name| format!("my backup/{name}")).collect();
    assert_eq!(listed(stack, &account, folder.path(), "my backup/").await, expected);
    let written = writes(stack, &user);
    assert!(written > 0);
    let again = json(&upload().await);
    assert_eq!((&again["files"], &again["unchanged"], &again["bytes"]), (&json!([]), &json!(files.len()), &json!(0)));
    assert_eq!(writes(stack, &user), written, "the second run sends nothing");
    std::fs::write(source.join("empty"), "no more").unwrap();
    let changed = json(&upload().await);
    assert_eq!(
        (changed["files"].as_array().unwrap().len(), &changed["files"][0]["asset"]["path"], &changed["bytes"]),
        (1, &json!("my backup/empty"), &json!(7)),
        "{changed}"
    );
    files.insert("empty".to_owned(), b"no more".to_vec());

    let output = does(&["--json", "download", "my backup/", "-o", "back"]).await;
    assert!(output.status.success(), "{output:?}");
    for (name, bytes) in &files {
        let path = folder.path().join("back").join(name);
        assert!(std::fs::read(&path).unwrap() == *bytes, "{name}");
        if name != "empty" {
            assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), long_ago(), "{name}");
        }
    }
    let again = json(&does(&["--json", "download", "my backup", "-r", "-o", "back"]).await);
    assert_eq!((&again["files"], &again["unchanged"]), (&json!([]), &json!(files.len())));
    let words = does(&["upload", "back", "--to", "my backup"]).await;
    assert!(String::from_utf8_lossy(&words.stdout).contains(&format!("0 files sent (0 B), {} unchanged", files.len())), "{words:?}");
}

#[tokio::test]
async fn include_and_exclude_choose_files_and_wrong_options_are_refused_before_anything_is_sent() {
    let stack = stack().await;
    let (account, _) = account(stack).await;
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("s"), &[("a.jpg", 1), ("b.txt", 2), ("sub/c.jpg", 3), (".git/d.jpg", 4)]);
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    for (arguments, words) in [
        (&["upload", "s"][..], "is not a file"),
        (&["upload", "s", "--include", "*"], "--to"),
        (&["upload", "s", "--to", "x", "--include", "a["], "--include"),
        (&["upload", "s", "--to", "../x"], "--to"),
        (&["upload", "-"], "--to"),
        (&["upload", "s", "--to", "x", "--name", "y"], "--name"),
        (&["upload", "s", "--to", "x", "--limit", "fast"], "--limit"),
    ] {
        let output = does(arguments).await;
        assert!(output.status.code() == Some(2) && said(&output).contains(words), "{arguments:?}: {output:?}");
    }
    assert!(listed(stack, &account, folder.path(), "").await.is_empty());
    let output = does(&["upload", "s", "--to", "/", "--include", "*.jpg", "--exclude", ".git"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(listed(stack, &account, folder.path(), "").await, ["a.jpg", "sub/c.jpg"]);
    let flat = String::from_utf8(does(&["ls", ""]).await.stdout).unwrap();
    assert_eq!(flat, "sub/\na.jpg\n");
    let long = String::from_utf8(does(&["ls", "-l", "sub/"]).await.stdout).unwrap();
    assert!(long.contains("2020-01-02T03:04:05.678Z") && long.trim_end().ends_with("3 B  sub/c.jpg"), "{long}");
}

#[tokio::test]
async fn upload_that_is_killed_half_way_goes_on_when_it_is_started_again() {
    let stack = Stack::start(&[]).await;
    let (account, user) = account(&stack).await;
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("s");
    let mut files: Vec<(String, usize)> = (0..30).map(|number| (format!("{}/{number}.bin", number % 3), number * 100)).collect();
    files.push(("large.bin".to_owned(), 60_000_000));
    let files: Vec<(&str, usize)> = files.iter().map(|(name, size)| (name.as_str(), *size)).collect();
    let written = write(&source, &files);
    let arguments = ["--json", "upload", "s", "--to", "s", "--threads", "1"];
    let mut child = jetty(&stack, &account, folder.path()).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let parts = || stack.proxy.seen("partNumber=").iter().filter(|seen| seen.target.contains(&user)).count();
    eventually_every(Duration::from_millis(2), Duration::from_secs(120), async || {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        done_or(parts() >= 2, format!("{} parts", parts()))
    })
    .await;
    signal(&child, "KILL");
    assert_eq!(code_of(child).await, None);
    let output = jetty_does(&stack, &account, folder.path(), &arguments).await;
    assert!(output.status.success(), "{output:?}");
    let done = json(&output);
    assert_eq!((&done["unchanged"], done["files"].as_array().unwrap().len()), (&json!(30), 1), "{done}");
    assert!(parts() <= 7, "{} parts for 5: one of each run at most was sent twice", parts());
    let asset = &done["files"][0]["asset"];
    assert_eq!((&asset["path"], &asset["modifiedAt"]), (&json!("s/large.bin"), &json!("2020-01-02T03:04:05.678Z")));
    assert!(stack.bucket.get(asset["s3Key"].as_str().unwrap()).await.unwrap() == written["large.bin"]);
    let again = json(&jetty_does(&stack, &account, folder.path(), &arguments).await);
    assert_eq!((&again["unchanged"], &again["files"]), (&json!(31), &json!([])));
}

#[tokio::test]
async fn download_stays_in_its_folder_and_tells_what_it_can_not_write() {
    let stack = stack().await;
    let (account, _) = account(stack).await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("s"), &[("sub/x", 5), ("a:b", 6), ("a_b", 7), ("NUL.txt", 8), ("f", 9), ("f\\..\\g", 10), ("mine", 11)]);
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    assert!(does(&["upload", "s", "--to", "d"]).await.status.success());
    std::fs::create_dir_all(at("in/here")).unwrap();
    std::fs::create_dir(at("elsewhere")).unwrap();
    std::os::unix::fs::symlink(at("elsewhere"), at("in/here/sub")).unwrap();
    std::fs::write(at("in/here/mine"), "mine").unwrap();
    let output = does(&["--json", "download", "d/", "-o", "in/here"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let done = json(&output);
    let failed: Vec<_> =
        done["files"].as_array().unwrap().iter().filter(|file| !file["error"].is_null()).map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(failed, ["d/a_b", "d/mine", "d/sub/x"], "{done}");
    assert!(said(&output).contains("3 of 7 files are not received"), "{output:?}");
    assert_eq!(std::fs::read_dir(at("elsewhere")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(at("in")).unwrap().count(), 1);
    let mut names: Vec<_> = std::fs::read_dir(at("in/here")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["_NUL.txt", "a_b", "f", "g", "mine", "sub"]);
    assert_eq!(std::fs::read_to_string(at("in/here/mine")).unwrap(), "mine");
    let forced = does(&["--json", "download", "d/", "-o", "in/here", "--force"]).await;
    assert_eq!(std::fs::metadata(at("in/here/mine")).unwrap().len(), 11, "{forced:?}");
    assert_eq!(does(&["download", "absent/", "-o", "in"]).await.status.code(), Some(4));
    let single = does(&["--json", "download", "d/f", "-o", "single"]).await;
    assert!(single.status.success() && std::fs::metadata(at("single")).unwrap().len() == 9, "{single:?}");
}

#[tokio::test]
async fn files_and_folders_are_moved_copied_and_deleted_by_their_paths() {
    let stack = stack().await;
    let (account, user) = account(stack).await;
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("s"), &[("1", 1), ("sub/2", 2), ("sub/3", 3)]);
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    let all = async || listed(stack, &account, folder.path(), "").await;
    assert!(does(&["upload", "s", "--to", "a"]).await.status.success());
    let written = writes(stack, &user);
    let moved = does(&["mv", "a/1", "b/one"]).await;
    assert!(moved.status.success() && String::from_utf8_lossy(&moved.stdout).trim_end().ends_with("b/one"), "{moved:?}");
    assert!(does(&["cp", "a/sub/", "c/"]).await.status.success());
    assert!(does(&["mv", "a/", "b"]).await.status.success());
    assert_eq!(all().await, ["b/one", "b/sub/2", "b/sub/3", "c/2", "c/3"]);
    assert_eq!(writes(stack, &user), written, "no bytes were stored again");
    let taken = does(&["--json", "cp", "b/sub/", "c/"]).await;
    assert_eq!((taken.status.code(), said(&taken).contains("2 of 2 files are not at their new paths")), (Some(1), true), "{taken:?}");
    assert!(does(&["cp", "b/one", "c/2", "--if-exists", "keep-both"]).await.status.success());
    assert!(does(&["cp", "b/one", "c/3", "--if-exists", "replace"]).await.status.success());
    assert_eq!(all().await, ["b/one", "b/sub/2", "b/sub/3", "c/2", "c/2 (2)", "c/3"]);
    for (arguments, code) in [
        (&["mv", "b/", "b/x/"][..], 2),
        (&["mv", "absent", "x"], 4),
        (&["mv", "b/on", "x"], 4),
        (&["cp", "absent/", "x/"], 4),
        (&["rm", "absent"], 4),
        (&["rm", "b/"], 2),
    ] {
        assert_eq!(does(arguments).await.status.code(), Some(code), "{arguments:?}");
    }
    assert!(does(&["rm", "b/one"]).await.status.success());
    for (arguments, words) in [
        (&["rm", "-r", "b/"][..], "--yes deletes without asking"),
        (&["rm", "-r", "b", "--yes"], "slash"),
        (&["rm", "-r", "/", "--yes"], "outermost"),
    ] {
        let refused = does(arguments).await;
        assert!(refused.status.code() == Some(2) && said(&refused).contains(words), "{arguments:?}: {refused:?}");
    }
    let trial = json(&does(&["--json", "rm", "-r", "b/", "--dry-run"]).await);
    assert_eq!(trial, json!({ "prefix": "b/", "files": 2, "bytes": 5, "more": false }));
    assert_eq!(all().await.len(), 5, "a trial deletes nothing");
    let deleted = does(&["rm", "-r", "b/", "--yes"]).await;
    assert!(
        deleted.status.success() && String::from_utf8_lossy(&deleted.stdout).contains("2 files (5 B) below 'b/' are being deleted"),
        "{deleted:?}"
    );
    eventually(Duration::from_secs(60), async || {
        let left = all().await;
        done_or(left == ["c/2", "c/2 (2)", "c/3"], format!("{left:?}"))
    })
    .await;
}

/// Runs `jetty` with these bytes as its standard input.
async fn piped(stack: &Stack, account: &AccountAccess, folder: &Path, arguments: &[&str], bytes: Vec<u8>) -> Output {
    let mut child =
        jetty(stack, account, folder).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writing = tokio::task::spawn_blocking(move || std::io::Write::write_all(&mut input, &bytes));
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    writing.await.unwrap().unwrap();
    output
}

#[tokio::test]
async fn standard_input_of_any_length_is_stored_at_a_path_and_leaves_no_temporary_file() {
    let stack = stack().await;
    let (account, _) = account(stack).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("temporary")).unwrap();
    for (size, in_parts) in [(0, false), (1_000_000, false), (20_000_000, true)] {
        let bytes = random_bytes(size);
        let path = format!("in/{size}.bin");
        let output = piped(stack, &account, folder.path(), &["--json", "upload", "-", "--to", &path, "--temp-dir", "temporary"], bytes.clone()).await;
        assert!(output.status.success(), "{output:?}");
        let done = json(&output);
        assert_eq!((&done["asset"]["path"], &done["asset"]["size"], !done["sessionId"].is_null()), (&json!(path), &json!(size), in_parts), "{done}");
        let received = jetty_does(stack, &account, folder.path(), &["download", &path, "-o", "-"]).await;
        assert!(received.status.success() && received.stdout == bytes, "{size}");
    }
    assert_eq!(std::fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
    let taken = piped(stack, &account, folder.path(), &["upload", "-", "--to", "in/0.bin"], b"other".to_vec()).await;
    assert!(taken.status.code() == Some(1) && said(&taken).contains("HTTP 409"), "{taken:?}");
    let replaced =
        piped(stack, &account, folder.path(), &["--json", "upload", "-", "--to", "in/0.bin", "--if-exists", "replace"], b"other".to_vec()).await;
    assert_eq!((&json(&replaced)["asset"]["path"], &json(&replaced)["asset"]["size"]), (&json!("in/0.bin"), &json!(5)), "{replaced:?}");
}

#[tokio::test]
async fn single_files_lie_in_the_folder_that_is_given_and_one_that_differs_is_refused() {
    let stack = stack().await;
    let (account, _) = account(stack).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("a.txt", 1), ("b.txt", 2)]);
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    assert!(does(&["upload", "a.txt", "b.txt", "--to", "x"]).await.status.success());
    assert!(does(&["upload", "a.txt", "--to", "y/renamed.txt"]).await.status.success());
    assert_eq!(listed(stack, &account, folder.path(), "").await, ["x/a.txt", "x/b.txt", "y/renamed.txt"]);
    random_file(folder.path(), "a.txt", 5);
    let refused = does(&["--json", "upload", "a.txt", "b.txt", "absent.txt", "--to", "x"]).await;
    assert_eq!((refused.status.code(), &json(&refused)["unchanged"]), (Some(1), &json!(1)), "{refused:?}");
    assert!(said(&refused).contains("2 of 3 files are not stored"), "{refused:?}");
    assert!(does(&["upload", "a.txt", "--to", "x/", "--if-exists", "keep-both"]).await.status.success());
    assert_eq!(listed(stack, &account, folder.path(), "x/").await, ["x/a (2).txt", "x/a.txt", "x/b.txt"]);
}
