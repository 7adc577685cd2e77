//! `jetty download`.

use std::os::unix::fs::FileTypeExt;
use std::process::{Command, Stdio};

use super::{fifo, jetty, jetty_does, json, said};
use crate::harness::{SLICE, Stack, random_file, stack};

/// Uploads `bytes` random bytes under that name: the id and the bytes.
async fn uploaded(stack: &Stack, name: &str, size: usize) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = random_file(folder.path(), "source", size);
    let output = jetty_does(stack, &stack.dev, folder.path(), &["--json", "upload", "source", "--name", name]).await;
    (json(&output)["asset"]["id"].as_str().unwrap_or_else(|| panic!("{output:?}")).to_owned(), bytes)
}

#[tokio::test]
async fn download_writes_to_standard_output_fifo_and_device_and_behind_links_without_replacing_them() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let (id, bytes) = uploaded(stack, "film.bin", 2 * SLICE + 17).await;
    let does = async |arguments: &[&str]| jetty_does(stack, &stack.dev, folder.path(), arguments).await;
    let output = does(&["download", &id, "-o", "-"]).await;
    assert!(
        output.status.success() && output.stdout == bytes && said(&output).contains("received 10.49 MB"),
        "{:?} {}",
        output.status,
        said(&output)
    );
    assert_eq!(does(&["--json", "download", &id, "-o", "-"]).await.status.code(), Some(2));
    let pipe = folder.path().join("fifo");
    fifo(&pipe);
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let read = tokio::task::spawn_blocking(move || reader.wait_with_output().unwrap());
    let output = does(&["download", &id, "--force", "-o", "fifo"]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(read.await.unwrap().stdout == bytes && std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    // A link to the real device, which would be gone for the whole machine if it were replaced.
    std::os::unix::fs::symlink("/dev/null", folder.path().join("null")).unwrap();
    let output = does(&["download", &id, "-o", "null"]).await;
    assert!(output.status.code() == Some(2) && said(&output).contains("--force writes into it"), "{output:?}");
    let output = does(&["download", &id, "--force", "-o", "null"]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
    assert!(std::fs::symlink_metadata(folder.path().join("null")).unwrap().is_symlink());
}

#[tokio::test]
async fn of_two_downloads_of_one_name_at_once_exactly_one_succeeds_and_its_file_is_whole() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let (id, bytes) = uploaded(stack, "race.bin", 3 * SLICE).await;
    for _ in 0..3 {
        let start = || jetty(stack, &stack.dev, folder.path()).args(["download", &id]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let both = [start(), start()];
        let both = both.map(|child| tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()));
        let mut ended = Vec::new();
        for child in both {
            ended.push(child.await.unwrap());
        }
        ended.sort_by_key(|output| output.status.code());
        assert_eq!((ended[0].status.code(), ended[1].status.code()), (Some(0), Some(2)), "{ended:?}");
        assert!(["written by somebody else meanwhile", "exists; --force replaces it"].iter().any(|text| said(&ended[1]).contains(text)), "{ended:?}");
        assert!(std::fs::read(folder.path().join("race.bin")).unwrap() == bytes);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        std::fs::remove_file(folder.path().join("race.bin")).unwrap();
    }
}

#[tokio::test]
async fn name_of_any_length_and_kind_becomes_a_file_in_the_current_folder_and_is_shown_escaped() {
    let stack = stack().await;
    let long = format!("{}.mp4", "n".repeat(251));
    for (name, expected) in
        [(long.as_str(), long.as_str()), ("C:x", "C_x"), ("a:stream", "a_stream"), ("NUL.txt", "_NUL.txt"), ("gpj.\u{202e}exe", "gpj._exe")]
    {
        let folder = tempfile::tempdir().unwrap();
        let (id, bytes) = uploaded(stack, name, 100).await;
        let output = jetty_does(stack, &stack.dev, folder.path(), &["download", &id]).await;
        assert!(output.status.success(), "{name}: {output:?}");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names, [expected]);
        assert!(std::fs::read(folder.path().join(expected)).unwrap() == bytes);
        for arguments in [&["ls"][..], &["--json", "ls"]] {
            let output = jetty_does(stack, &stack.dev, folder.path(), arguments).await;
            assert!(!String::from_utf8_lossy(&output.stdout).contains('\u{202e}'), "{arguments:?}");
        }
    }
}
