//! `jetty ls`, `rm`, `sessions` and `cancel`.

use super::{jetty_does, json};
use crate::harness::{random_file, stack, unique};

#[tokio::test]
async fn removed_file_is_gone_from_the_list_and_removing_it_again_is_told_as_not_found() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let account = stack.account(&unique("remover-")).create().await;
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    random_file(folder.path(), "a.bin", 20);
    let id = json(&does(&["--json", "upload", "a.bin"]).await)["asset"]["id"].as_str().unwrap().to_owned();
    let output = does(&["rm", &id]).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("deleted {id}\n"), "{output:?}");
    assert_eq!(json(&does(&["--json", "ls"]).await)["files"].as_array().unwrap().len(), 0);
    assert_eq!(does(&["rm", &id]).await.status.code(), Some(4));
}

#[tokio::test]
async fn open_uploads_are_listed_and_cancelled() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let account = stack.account(&unique("canceller-")).create().await;
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    let first = stack.session(&account).name("one\u{202e}.bin").size(25_000_000).start().await;
    let second = stack.session(&account).name("two.bin").size(35_000_000).start().await;
    let [first, second] = [&first, &second].map(|started| started["sessionId"].as_str().unwrap().to_owned());
    let text = String::from_utf8(does(&["sessions"]).await.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with(&second) && lines[0].ends_with("35.00 MB  two.bin"), "newest first: {text}");
    assert!(lines[1].contains("uploading") && lines[1].ends_with("one\\u{202e}.bin"), "{text}");
    assert_eq!(json(&does(&["--json", "sessions", "--limit", "1"]).await)["sessions"].as_array().unwrap().len(), 1);
    let output = does(&["cancel", &first]).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("cancelled {first}\n"), "{output:?}");
    assert_eq!(json(&does(&["--json", "cancel", &first]).await)["cancelled"], first.as_str(), "again is harmless");
    let listed = json(&does(&["--json", "sessions"]).await);
    assert_eq!((listed["sessions"].as_array().unwrap().len(), &listed["sessions"][0]["sessionId"]), (1, &second.as_str().into()));
    assert_eq!(json(&does(&["--json", "sessions", "--status", "failed"]).await)["sessions"][0]["sessionId"], first.as_str());
    assert_eq!(stack.used_and_reserved(&account).await, (0, 35_000_000));
}
