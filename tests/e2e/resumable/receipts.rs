//! The receipt of a file that came by tus is checked by the command, offline.

use std::process::Command;

use reqwest::Method;

use super::{PART, created, patch};
use crate::harness::{Call, FILES, header, random_bytes, stack, unique};

#[tokio::test]
async fn receipt_of_a_file_that_came_by_tus_verifies_its_bytes_and_no_others() {
    let stack = stack().await;
    let account = stack.account(&unique("tusreceipt")).tier("pro").create().await;
    let bytes = random_bytes(PART + 700_000);
    let path = created(stack, &account, bytes.len()).await;
    // The second part begins with a fragment.
    let cut = PART + 300_000;
    assert_eq!(patch(stack, &account, &path, 0, &bytes[..cut]).sent().await.unwrap().status(), 204);
    let response = patch(stack, &account, &path, cut, &bytes[cut..]).sent().await.unwrap();
    let file = header(&response, "jetty-file-id");
    let (status, receipt) = stack.get(&account, &format!("{FILES}/{file}/receipt")).await;
    assert_eq!((status, receipt["chunks"].as_array().map(Vec::len)), (200, Some(2)), "{receipt}");
    let (_, keys) = stack.anonymous(Method::GET, "/.well-known/jettyspeed-keys.json").with_new_address().answer().await;

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("file", &bytes);
    write("other", &[&bytes[1..], b"x"].concat());
    write("receipt.json", receipt.to_string().as_bytes());
    write("keys.json", keys.to_string().as_bytes());
    for (name, code) in [("file", 0), ("other", 6)] {
        let mut command = Command::new(std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jetty"));
        command.current_dir(folder.path()).env_remove("JETTY_URL").env("JETTY_CONFIG", folder.path().join("config.toml"));
        let output = command.args(["verify", name, "receipt.json", "--keys", "keys.json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
