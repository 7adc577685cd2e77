//! `jetty video`.

use std::os::unix::fs::symlink;

use serde_json::json;

use super::{fifo, jetty, jetty_does, json as json_of, run, said};
use crate::harness::{Call, stack, unique};

#[tokio::test]
async fn folder_with_fifo_loops_dangling_links_and_litter_is_pushed_with_notices_listed_played_and_removed() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let account = stack.account(&unique("pusher-")).create().await;
    let does = async |arguments: &[&str]| jetty_does(stack, &account, folder.path(), arguments).await;
    let film = folder.path().join("My Film");
    std::fs::create_dir_all(film.join("720p")).unwrap();
    std::fs::write(film.join("index.m3u8"), "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n720p/0.ts\n#EXT-X-ENDLIST\n").unwrap();
    std::fs::write(film.join("720p/0.ts"), "segment").unwrap();
    std::fs::write(film.join("Thumbs.db"), "litter").unwrap();
    std::fs::write(film.join("720p/desktop.ini"), "litter").unwrap();
    fifo(&film.join("fifo"));
    symlink("absent", film.join("dangling\u{202e}")).unwrap();
    symlink(&film, film.join("720p/loop")).unwrap();
    symlink("/etc", film.join("etc")).unwrap();
    let output = does(&["video", "push", "My Film"]).await;
    assert!(output.status.code() == Some(2) && said(&output).trim_end().ends_with("--id My-Film"), "{output:?}");
    let output = does(&["video", "push", "My Film", "--id", "film"]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("film  2 files, "), "{output:?}");
    let told = said(&output);
    assert_eq!(told.matches("jetty: skipped ").count(), 4, "{told}");
    for (name, reason) in
        [("fifo", "not a regular file"), ("dangling\\u{202e}", "leads nowhere"), ("loop", "leads in a circle"), ("etc", "leads out of the folder")]
    {
        assert!(told.lines().any(|line| line.contains(name) && line.ends_with(reason)), "{name}: {told}");
    }
    let output = does(&["--json", "video", "push", "My Film", "--id", "film2"]).await;
    assert_eq!((&json_of(&output)["files"], json_of(&output)["skipped"].as_array().unwrap().len()), (&json!(2), 4), "{output:?}");
    let listed = json_of(&does(&["--json", "video", "ls"]).await);
    let ids: Vec<_> = listed["videos"].as_array().unwrap().iter().map(|video| (&video["videoId"], &video["entry"])).collect();
    assert_eq!(ids, [(&json!("film"), &json!("index.m3u8")), (&json!("film2"), &json!("index.m3u8"))]);
    let text = String::from_utf8(does(&["video", "ls", "--limit", "1"]).await.stdout).unwrap();
    assert!(text.starts_with("film  2") && text.ends_with("Z  index.m3u8\n"), "{text}");
    let url = String::from_utf8(does(&["video", "play", "film"]).await.stdout).unwrap();
    assert_eq!(stack.http.get(url.trim()).sent().await.unwrap().status(), 200);
    assert!(does(&["video", "rm", "film"]).await.status.success());
    assert_eq!(does(&["video", "rm", "film"]).await.status.code(), Some(4));
    assert_eq!(json_of(&does(&["--json", "video", "ls"]).await)["videos"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_of_a_folder_with_a_name_that_the_server_does_not_take_is_sent() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let account = stack.account(&unique("pusher-")).create().await;
    let film = folder.path().join("film");
    std::fs::create_dir_all(&film).unwrap();
    std::fs::write(film.join("0.ts"), "segment").unwrap();
    std::fs::write(film.join("a\\b.ts"), "segment").unwrap();
    let mut command = jetty(stack, &account, folder.path());
    command.args(["video", "push", "film"]);
    let output = run(command).await;
    assert!(output.status.code() == Some(2) && said(&output).contains("has a backslash"), "{output:?}");
    assert_eq!(stack.used_and_reserved(&account).await, (0, 0));
}
