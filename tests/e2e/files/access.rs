//! Who may read a file: its owner, and whoever has a token.

use reqwest::Method;

use crate::harness::{Call, Stack, fetch, random_bytes, stack};

#[tokio::test]
async fn file_without_token_returns_401_and_to_another_account_404() {
    let stack = stack().await;
    let (asset, bytes) = stack.file(&stack.dev).name("secret.bin").size(1_000).upload().await;
    let url = stack.edge(&stack.dev).download_url(&asset.id).await.unwrap();
    let path = url.strip_prefix(&stack.url).unwrap();
    let (status, _) = stack.anonymous(Method::GET, &path.replacen("jtf1.", "jtf1.x", 1)).answer().await;
    assert_eq!(status, 401);
    let stable = asset.url.strip_prefix(&stack.url).unwrap();
    assert_eq!(stack.anonymous(Method::GET, stable).answer().await.0, 401);
    assert_eq!(stack.get(&stack.other, stable).await.0, 404);
    let own = stack.request(Method::GET, stable, &stack.dev).sent().await.unwrap();
    assert!(own.bytes().await.unwrap() == bytes);
    for path in [format!("/api/storage/files/{}", asset.id), format!("/api/storage/download?assetId={}", asset.id)] {
        assert_eq!(stack.get(&stack.other, &path).await.0, 404);
    }
    let (status, _) = stack.request(Method::DELETE, &format!("/api/storage/files/{}", asset.id), &stack.other).answer().await;
    assert_eq!(status, 404);
    assert!(stack.bucket.get(&asset.s3_key).await.is_some());
}

#[tokio::test]
async fn rotated_token_key_keeps_issued_urls_valid_until_it_is_removed() {
    let stack = Stack::start(&[]).await;
    let asset = stack.asset(&stack.dev).bytes(random_bytes(1_000)).store().await;
    let url = async || stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let before = url().await;
    let vars = stack.worker.lock().await.setup().state.join("dev.vars");
    let restarted_with = async |keys: &str| {
        let text = std::fs::read_to_string(&vars).unwrap();
        let lines: String =
            text.lines().map(|line| if line.starts_with("TOKEN_KEYS=") { format!("TOKEN_KEYS='{keys}'\n") } else { format!("{line}\n") }).collect();
        std::fs::write(&vars, lines).unwrap();
        stack.worker.lock().await.kill_and_restart().await.unwrap();
    };
    let new = "a-new-key-in-front-of-the-old-one-0123456789";
    restarted_with(&format!("{new},{}", stack.secrets.token_keys)).await;
    let after = url().await;
    for url in [&before, &after] {
        assert_eq!(fetch(stack.http.get(url)).await.0, 200, "both keys verify");
    }
    restarted_with(new).await;
    assert_eq!((fetch(stack.http.get(&before)).await.0, fetch(stack.http.get(&after)).await.0), (401, 200), "the new one signed");
}
