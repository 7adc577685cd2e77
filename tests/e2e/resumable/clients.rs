//! Clients that people use, as they are: tus-js-client in Node.

use std::path::Path;

use jettyspeed_devstack::root;
use jettyspeed_devstack::state::AccountAccess;
use serde_json::{Value, json};

use super::{assert_stored, tus};
use crate::harness::{Call, Stack, header, random_file, stack, unique};

/// Runs tus-js-client: the URL that it ends with.
async fn run(stack: &Stack, account: &AccountAccess, endpoint: &str, path: &Path, mut options: Value, stop_at: Option<usize>) -> String {
    options["headers"] = json!({ "Authorization": format!("Bearer {}", account.api_key), "X-API-Secret": account.api_secret });
    let said = json!({ "endpoint": format!("{}{endpoint}", stack.url), "path": path, "options": options, "stopAt": stop_at });
    let mut command = tokio::process::Command::new("node");
    command.arg("tests/e2e/resumable/client.mjs").arg(said.to_string()).current_dir(root());
    let output = tokio::time::timeout(std::time::Duration::from_secs(120), command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn file_of(stack: &Stack, account: &AccountAccess, url: &str) -> String {
    let path = url.strip_prefix(&stack.url).unwrap();
    let response = tus(stack, account, "HEAD", &path.replace("/resumable", "/tus")).sent().await.unwrap();
    header(&response, "jetty-file-id")
}

#[tokio::test]
async fn tus_js_client_uploads_in_chunks_in_one_request_and_by_the_ietf_drafts() {
    let stack = stack().await;
    let account = stack.account(&unique("tusjs")).tier("pro").create().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "client.bin", 20_000_000);
    for (endpoint, options) in [
        ("/tus", json!({ "chunkSize": 3_000_000 })),
        ("/tus", json!({})),
        ("/tus", json!({ "uploadDataDuringCreation": true, "chunkSize": 12_000_000 })),
        ("/tus", json!({ "parallelUploads": 4 })),
        ("/tus", json!({ "parallelUploads": 3, "chunkSize": 4_000_000 })),
        ("/resumable", json!({ "protocol": "ietf-draft-03", "chunkSize": 9_000_000 })),
        ("/resumable", json!({ "protocol": "ietf-draft-05", "chunkSize": 9_000_000 })),
    ] {
        let url = run(stack, &account, endpoint, &path, options.clone(), None).await;
        let file = file_of(stack, &account, &url).await;
        assert!(!file.is_empty(), "{endpoint} {options}: {url}");
        assert_stored(stack, &account, &file, &bytes).await;
    }
}

#[tokio::test]
async fn tus_js_client_that_is_killed_goes_on_where_it_was() {
    let stack = stack().await;
    let account = stack.account(&unique("tusjs")).tier("pro").create().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "client.bin", 30_000_000);
    let url = run(stack, &account, "/tus", &path, json!({ "chunkSize": 5_000_000 }), Some(12_000_000)).await;
    let again = run(stack, &account, "/tus", &path, json!({ "uploadUrl": url, "chunkSize": 5_000_000 }), None).await;
    assert_eq!(again, url);
    let file = file_of(stack, &account, &url).await;
    assert_stored(stack, &account, &file, &bytes).await;
}
