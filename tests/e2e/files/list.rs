//! The list of an account's files.

use reqwest::Method;
use serde_json::Value;

use crate::harness::{Call, stack};

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
