//! Lists of an account's files, and files with other names.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, header, random_bytes, stack};

#[tokio::test]
async fn paged_listing_returns_every_file_once_newest_first() {
    let stack = stack().await;
    for index in 0..5 {
        let request = stack.request(Method::POST, "/api/storage/upload", &stack.pro).header("X-File-Name", format!("{index}.txt"));
        assert_eq!(request.body("x").sent().await.unwrap().status(), 201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/storage/files?limit=2&cursor={cursor}");
        let (status, body) = stack.get(&stack.pro, &path).await;
        assert_eq!(status, 200);
        names.extend(body["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()));
        match &body["cursor"] {
            Value::String(next) => cursor.clone_from(next),
            _ => break,
        }
    }
    assert_eq!(names, ["4.txt", "3.txt", "2.txt", "1.txt", "0.txt"], "newest first");
    assert_eq!(stack.get(&stack.pro, "/api/storage/files?limit=x").await.0, 422);
}

#[tokio::test]
async fn files_are_listed_by_name_or_time_searched_and_renamed() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("lists").tier("pro").create().await;
    for name in ["b%.txt", "A.txt", "c.mov"] {
        let body = random_bytes(100);
        let stored = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", name).body(body).answer().await;
        assert_eq!(stored.0, 201, "{}", stored.1);
    }
    let page = async |query: &str| {
        let (status, body) = stack.get(&account, &format!("/api/storage/files?{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let names: Vec<String> = body["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect();
        (names, body["cursor"].clone())
    };
    for (query, names) in [
        ("", ["c.mov", "A.txt", "b%.txt"].as_slice()),
        ("order=asc", &["b%.txt", "A.txt", "c.mov"]),
        ("sort=name", &["A.txt", "b%.txt", "c.mov"]),
        ("sort=name&order=desc", &["c.mov", "b%.txt", "A.txt"]),
        ("search=TXT", &["A.txt", "b%.txt"]),
        ("search=%25", &["b%.txt"]),
        ("search=absent", &[]),
    ] {
        assert_eq!(page(query).await.0, names, "{query}");
    }
    let (first, cursor) = page("sort=name&limit=2").await;
    let next = page(&format!("sort=name&limit=2&cursor={}", cursor.as_str().unwrap().replace('%', "%25"))).await;
    assert_eq!((first, next), (vec!["A.txt".to_owned(), "b%.txt".to_owned()], (vec!["c.mov".to_owned()], Value::Null)));
    for (query, field) in [("sort=size", "sort"), ("order=up", "order"), ("cursor=x", "cursor")] {
        let (status, problem) = stack.get(&account, &format!("/api/storage/files?{query}")).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)));
    }

    let id = stack.get(&account, "/api/storage/files?search=mov").await.1["files"][0]["id"].as_str().unwrap().to_owned();
    let (path, content) = (format!("/api/storage/files/{id}"), format!("/files/{id}/x"));
    let disposition = async || {
        let response = stack.request(Method::GET, &content, &account).sent().await.unwrap();
        header(&response, "content-disposition")
    };
    assert!(disposition().await.contains("c.mov"));
    let rename = async |name: &str| stack.request(Method::PATCH, &path, &account).json(&json!({ "fileName": name })).answer().await;
    let (status, renamed) = rename("Ü.mov").await;
    assert_eq!((status, &renamed["asset"]["name"], &renamed["asset"]["id"]), (200, &json!("Ü.mov"), &json!(id)));
    assert!(disposition().await.contains("%C3%9C.mov"), "{}", disposition().await);
    for bad in ["", "a\nb"] {
        assert_eq!(rename(bad).await.1["field"], "fileName", "{bad:?}");
    }
    let stranger = stack.account("stranger").tier("pro").create().await;
    let other = stack.request(Method::PATCH, &path, &stranger).json(&json!({ "fileName": "mine" })).answer().await;
    assert_eq!(other.0, 404);
}
