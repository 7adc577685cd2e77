//! Files with paths: stored in every way, listed by prefix, moved, copied, replaced, deleted.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually, random_bytes, sha256, stack, unique};

async fn account(stack: &Stack) -> AccountAccess {
    stack.account(&unique("paths-")).tier("enterprise").create().await
}

/// Stores a file in one request.
async fn put(stack: &Stack, account: &AccountAccess, path: &str, if_exists: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let request = stack.request(Method::PUT, &format!("/api/storage/upload/{path}"), account).header("X-If-Exists", if_exists);
    request.body(body.into()).answer().await
}

/// Files and folders with a prefix.
async fn list(stack: &Stack, account: &AccountAccess, query: &str) -> (Vec<String>, Vec<String>, Value) {
    let (status, mut body) = stack.get(account, &format!("/api/storage/files?{query}")).await;
    assert_eq!(status, 200, "{body}");
    let texts = |list: &Value, of: fn(&Value) -> &Value| list.as_array().unwrap().iter().map(|item| of(item).as_str().unwrap().to_owned()).collect();
    (texts(&body["files"], |file| &file["path"]), texts(&body["prefixes"], |prefix| prefix), body["cursor"].take())
}

async fn content(stack: &Stack, account: &AccountAccess, asset: &Value) -> (u16, Vec<u8>) {
    let path = format!("/files/{}/x", asset["id"].as_str().unwrap());
    let response = stack.request(Method::GET, &path, account).sent().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn files_are_listed_by_prefix_with_folders_and_pages() {
    let stack = stack().await;
    let account = account(stack).await;
    for path in ["a.txt", "docs/1.txt", "docs/2.txt", "docs/old/3.txt", "docs0", "e%CC%81.txt", "pictures/%C3%A9.jpg"] {
        let (status, body) = put(stack, &account, path, "fail", "x").await;
        assert_eq!(status, 201, "{path}: {body}");
    }
    let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let top = (strings(&["a.txt", "docs0", "\u{e9}.txt"]), strings(&["docs/", "pictures/"]), Value::Null);
    assert_eq!(list(stack, &account, "prefix=&delimiter=/").await, top);
    let docs = (strings(&["docs/1.txt", "docs/2.txt"]), strings(&["docs/old/"]), Value::Null);
    assert_eq!(list(stack, &account, "prefix=docs/&delimiter=/").await, docs);
    let flat = list(stack, &account, "prefix=docs").await.0;
    assert_eq!(flat, ["docs/1.txt", "docs/2.txt", "docs/old/3.txt", "docs0"]);
    for delimiter in ["", "&delimiter=/"] {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let (files, folders, next) = list(stack, &account, &format!("prefix={delimiter}&limit=1&cursor={cursor}")).await;
            assert_eq!(files.len() + folders.len(), 1);
            all.extend(files.into_iter().chain(folders));
            match next {
                Value::String(next) => cursor = next.replace('\u{e9}', "%C3%A9"),
                _ => break,
            }
        }
        assert_eq!(all.len(), if delimiter.is_empty() { 7 } else { 5 }, "{all:?}");
    }
    for (query, field) in [("prefix=a&delimiter=-", "delimiter"), ("prefix=a&cursor=b", "cursor"), ("prefix=a&sort=name", "prefix")] {
        let (status, problem) = stack.get(&account, &format!("/api/storage/files?{query}")).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{query}");
    }
}

#[tokio::test]
async fn file_at_a_taken_path_is_refused_replaces_or_stays_beside() {
    let stack = stack().await;
    let account = account(stack).await;
    let first = put(stack, &account, "d/a.txt", "fail", "first").await.1["asset"].clone();
    assert_eq!((&first["path"], &first["name"]), (&json!("d/a.txt"), &json!("a.txt")));
    let (status, problem) = put(stack, &account, "d/a.txt", "fail", "second").await;
    assert_eq!((status, &problem["code"], &problem["assetId"]), (409, &json!("path-taken"), &first["id"]), "{problem}");
    let both = put(stack, &account, "d/a.txt", "keep-both", "second").await.1;
    assert_eq!(both["asset"]["path"], "d/a (2).txt");
    let used = stack.used_and_reserved(&account).await;
    assert_eq!(used, (11, 0));
    let (status, replaced) = put(stack, &account, "d/a.txt", "replace", "third").await;
    assert_eq!((status, &replaced["asset"]["path"]), (201, &json!("d/a.txt")));
    assert_eq!(content(stack, &account, &replaced["asset"]).await, (200, b"third".to_vec()));
    assert_eq!(content(stack, &account, &first).await.0, 404);
    assert_eq!(stack.used_and_reserved(&account).await, (11, 0), "what was replaced is not counted");
    assert_eq!(list(stack, &account, "prefix=d/").await.0, ["d/a (2).txt", "d/a.txt"]);
    let wrong = stack.request(Method::PUT, "/api/storage/upload/d/a.txt", &account).header("X-If-Exists", "maybe").body("x").answer().await;
    assert_eq!((wrong.0, &wrong.1["field"]), (422, &json!("X-If-Exists")));
    for path in ["a%00b", "a%0Ab"] {
        let (status, problem) = put(stack, &account, path, "fail", "x").await;
        assert_eq!((status, &problem["field"]), (422, &json!("X-File-Path")), "{path}: {problem}");
    }
    let modified =
        stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Path", "m").header("X-Modified-At", "2020-01-02T03:04:05Z");
    assert_eq!(modified.body("x").answer().await.1["asset"]["modifiedAt"], "2020-01-02T03:04:05.000Z");
}

#[tokio::test]
async fn upload_in_parts_gets_its_path_when_it_is_complete() {
    let stack = stack().await;
    let account = account(stack).await;
    let bytes = random_bytes(5);
    let start = async |path: &str, if_exists: &str, body: &[u8]| {
        let start = json!({ "action": "start", "fileName": "b.bin", "fileSize": body.len(), "path": path, "ifExists": if_exists });
        let (status, started) = stack.track(&account, start).await;
        if status == 201 {
            stack.send_all_parts(&started, body).await;
        }
        (status, started)
    };
    let complete = async |started: &Value, if_exists: Value| {
        let mut body = action("complete", started);
        body["ifExists"] = if_exists;
        stack.track(&account, body).await
    };
    let started = start("p/b.bin", "fail", &bytes).await.1;
    assert_eq!(list(stack, &account, "prefix=p/").await.0.len(), 0, "not before");
    // Another file comes first.
    let other = put(stack, &account, "p/b.bin", "fail", "other").await;
    assert_eq!(other.0, 201);
    let (status, problem) = complete(&started, Value::Null).await;
    assert_eq!((status, &problem["code"]), (409, &json!("path-taken")), "{problem}");
    let (status, done) = complete(&started, json!("keep-both")).await;
    assert_eq!((status, &done["asset"]["path"]), (200, &json!("p/b (2).bin")), "{done}");
    assert_eq!(complete(&started, Value::Null).await, (200, done), "repeated");
    assert_eq!(start("p/b.bin", "fail", &bytes).await.0, 409, "refused before a byte is sent");
    let replacing = start("p/b.bin", "replace", &random_bytes(7)).await.1;
    let (status, done) = complete(&replacing, Value::Null).await;
    assert_eq!((status, &done["asset"]["path"]), (200, &json!("p/b.bin")));
    assert_eq!(content(stack, &account, &other.1["asset"]).await.0, 404);
    assert_eq!(complete(&replacing, Value::Null).await.0, 200, "a repeated completion deletes nothing");
    assert_eq!(list(stack, &account, "prefix=p/").await.0, ["p/b (2).bin", "p/b.bin"]);
    let wrong = stack.track(&account, json!({ "action": "start", "fileName": "b", "fileSize": 5, "path": "a/../b" })).await;
    assert_eq!((wrong.0, &wrong.1["field"]), (422, &json!("path")));
}

#[tokio::test]
async fn known_bytes_get_a_path_without_being_sent_and_the_same_file_there_is_the_answer() {
    let stack = stack().await;
    let account = account(stack).await;
    let bytes = random_bytes(3_000);
    let hash = sha256(&bytes);
    let stored = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "a").header("X-Content-SHA256", &hash);
    let stored = stored.body(bytes.clone()).answer().await.1["asset"].clone();
    stack.verified(&account, stored["id"].as_str().unwrap()).await;
    let start = |path: &str| json!({ "action": "start", "fileName": "a", "fileSize": bytes.len(), "fileHash": hash, "path": path });
    let (status, first) = stack.track(&account, start("x/a")).await;
    assert_eq!((status, &first["duplicate"], &first["asset"]["path"]), (200, &json!(true), &json!("x/a")), "{first}");
    assert_ne!(first["asset"]["id"], stored["id"]);
    let (status, again) = stack.track(&account, start("x/a")).await;
    assert_eq!((status, &again["asset"]["id"]), (200, &first["asset"]["id"]), "{again}");
    let (status, second) = stack.track(&account, start("y/a")).await;
    assert_eq!((status, &second["asset"]["path"]), (200, &json!("y/a")));
    assert_eq!(content(stack, &account, &second["asset"]).await, (200, bytes.clone()));
    put(stack, &account, "z/a", "fail", "other").await;
    assert_eq!(stack.track(&account, start("z/a")).await.1["code"], "path-taken");
}

#[tokio::test]
async fn file_is_moved_and_copied_without_its_bytes() {
    let stack = stack().await;
    let account = account(stack).await;
    let asset = put(stack, &account, "a/b.txt", "fail", "hello").await.1["asset"].clone();
    let plain = stack.asset(&account).bytes("plain").store().await;
    let change = async |asset: &Value, body: Value| {
        let path = format!("/api/storage/files/{}", asset["id"].as_str().unwrap());
        stack.request(Method::PATCH, &path, &account).json(&body).answer().await
    };
    let (status, moved) = change(&asset, json!({ "path": "c/d.txt" })).await;
    assert_eq!((status, &moved["asset"]["path"], &moved["asset"]["name"]), (200, &json!("c/d.txt"), &json!("d.txt")));
    assert_eq!(change(&asset, json!({ "path": "c/d.txt" })).await.0, 200, "to where it is");
    assert_eq!(change(&plain, json!({ "path": "c/d.txt" })).await.1["code"], "path-taken");
    let (status, beside) = change(&plain, json!({ "path": "c/d.txt", "ifExists": "keep-both", "fileName": "n" })).await;
    assert_eq!((status, &beside["asset"]["path"], &beside["asset"]["name"]), (200, &json!("c/d (2).txt"), &json!("n")));
    let copy = async |body: Value| {
        let path = format!("/api/storage/files/{}/copy", asset["id"].as_str().unwrap());
        stack.post(&account, &path, body).await
    };
    let (status, copied) = copy(json!({ "path": "e/f.txt" })).await;
    assert_eq!((status, &copied["asset"]["path"], &copied["asset"]["name"]), (201, &json!("e/f.txt"), &json!("f.txt")), "{copied}");
    assert_eq!(content(stack, &account, &copied["asset"]).await, (200, b"hello".to_vec()));
    assert_eq!(copy(json!({ "path": "c/d (2).txt" })).await.1["code"], "path-taken");
    let (status, over) = copy(json!({ "path": "c/d (2).txt", "ifExists": "replace" })).await;
    assert_eq!((status, &over["asset"]["path"]), (201, &json!("c/d (2).txt")));
    assert_eq!(content(stack, &account, &plain).await.0, 404);
    stack.delete(&account, &asset).await;
    assert_eq!(content(stack, &account, &copied["asset"]).await, (200, b"hello".to_vec()), "the copy stays");
    let stranger = self::account(stack).await;
    let path = format!("/api/storage/files/{}/copy", copied["asset"]["id"].as_str().unwrap());
    assert_eq!(stack.post(&stranger, &path, json!({ "path": "mine" })).await.0, 404);
}

#[tokio::test]
async fn files_with_a_prefix_are_counted_and_deleted_and_others_stay() {
    let stack = stack().await;
    let account = account(stack).await;
    for index in 0..120 {
        let (status, body) = put(stack, &account, &format!("old/{index}.txt"), "fail", "xy").await;
        assert_eq!(status, 201, "{body}");
    }
    put(stack, &account, "older", "fail", "xy").await;
    let delete = async |query: &str| stack.request(Method::DELETE, &format!("/api/storage/files?{query}"), &account).answer().await;
    let counted = json!({ "prefix": "old/", "files": 120, "bytes": 240, "more": false });
    assert_eq!(delete("prefix=old/&dryRun=true").await, (200, counted.clone()));
    assert_eq!(list(stack, &account, "prefix=old/&limit=200").await.0.len(), 120, "a trial deletes nothing");
    assert_eq!(delete("prefix=old/").await, (202, counted));
    eventually(Duration::from_secs(60), async || {
        let left = list(stack, &account, "prefix=old/&limit=200").await.0.len();
        done_or(left == 0, format!("{left} files are left"))
    })
    .await;
    assert_eq!(list(stack, &account, "prefix=").await.0, ["older"]);
    assert_eq!(stack.used_and_reserved(&account).await, (2, 0));
    for (query, field) in [("", "prefix"), ("prefix=", "prefix"), ("prefix=a&dryRun=maybe", "dryRun")] {
        assert_eq!(delete(query).await.1["field"], field, "{query}");
    }
}
