//! Receipts: in events, by their route, checked by the command.

use std::process::Command;

use jettyspeed_receipts::keys::PublicKeys;
use reqwest::Method;
use serde_json::{Value, json};

use super::add;
use super::sink::Sink;
use crate::harness::{Call, Stack, action, random_bytes, sha256, stack, unique};

async fn keys(stack: &Stack) -> Value {
    let (status, keys) = stack.anonymous(Method::GET, "/.well-known/jettyspeed-keys.json").with_new_address().answer().await;
    assert_eq!(status, 200, "{keys}");
    keys
}

#[tokio::test]
async fn completed_upload_is_told_with_the_hashes_of_its_parts_in_a_receipt_that_verifies() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).tier("enterprise").create().await;
    let sink = Sink::start().await;
    let webhook = add(stack, &account, &account.namespace, &format!("{}/x", sink.url), &["upload.completed"]).await;
    let bytes = random_bytes(25_000_000);
    let started = stack.session(&account).size(bytes.len()).hash(&sha256(&bytes)).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    let event = sink.wait("/x", 1).await.remove(0);
    assert!(event.is_signed_with(webhook["secret"].as_str().unwrap()));
    let event = event.json();
    let receipt = &event["data"]["receipt"];
    let keys = keys(stack).await;
    let public = PublicKeys::parse(&keys.to_string()).unwrap();
    let read = jettyspeed_receipts::verify(&receipt.to_string(), &public).unwrap();
    assert_eq!(
        (read.asset.as_str(), read.size, read.sha256.as_deref()),
        (done["asset"]["id"].as_str().unwrap(), 25_000_000, Some(sha256(&bytes).as_str()))
    );
    let chunk = usize::try_from(started["strategy"]["chunkSize"].as_u64().unwrap()).unwrap();
    let expected: Vec<Value> = bytes.chunks(chunk).map(|part| json!({ "size": part.len(), "sha256": sha256(part) })).collect();
    assert_eq!((receipt["chunks"].as_array().unwrap().len(), &receipt["chunks"]), (3, &json!(expected)));
    assert_eq!((&receipt["storedAt"], &event["data"]["asset"]["id"]), (&done["asset"]["createdAt"], &done["asset"]["id"]));

    // Later, when the bytes are verified.
    let id = done["asset"]["id"].as_str().unwrap();
    stack.verified(&account, id).await;
    let (status, later) = stack.get(&account, &format!("/api/storage/files/{id}/receipt")).await;
    assert_eq!(status, 200, "{later}");
    let read = jettyspeed_receipts::verify(&later.to_string(), &public).unwrap();
    assert_eq!((read.verification.as_str(), read.chunks.len()), ("verified", 3));
    assert_eq!(stack.get(&stack.other, &format!("/api/storage/files/{id}/receipt")).await.0, 404, "another's");

    // The command needs neither the server nor an account, if it is given the keys.
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("film.bin", &bytes);
    write("other.bin", &[&bytes[..24_999_999], &[bytes[24_999_999] ^ 1]].concat());
    write("receipt.json", later.to_string().as_bytes());
    write("event.json", event.to_string().as_bytes());
    write("keys.json", keys.to_string().as_bytes());
    write("forged.json", later.to_string().replace("\"size\":25000000", "\"size\":25000001").as_bytes());
    let jetty = |arguments: &[&str], url: Option<&str>| {
        let mut command = Command::new(std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jetty"));
        command.current_dir(folder.path()).env_remove("JETTY_URL").env("JETTY_CONFIG", folder.path().join("config.toml")).args(arguments);
        if let Some(url) = url {
            command.env("JETTY_URL", url);
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    for (file, receipt, code, says) in [
        ("film.bin", "receipt.json", 0, "25000000 bytes"),
        ("film.bin", "event.json", 0, "25000000 bytes"),
        ("other.bin", "receipt.json", 6, "part 3 is another"),
        ("film.bin", "forged.json", 6, "signature is wrong"),
        ("film.bin", "film.bin", 2, "too long"),
        ("film.bin", "keys.json", 6, "not signed"),
        ("absent.bin", "receipt.json", 1, "absent.bin"),
    ] {
        let (ended, said) = jetty(&["verify", file, receipt, "--keys", "keys.json"], None);
        assert!(ended == Some(code) && said.contains(says), "{file} {receipt}: {ended:?} {said}");
    }
    let (ended, said) = jetty(&["--json", "verify", "film.bin", "receipt.json"], Some(&stack.url));
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((ended, &told["verified"], &told["parts"], &told["computed"]), (Some(0), &json!(true), &json!(3), &json!(true)));
    let (ended, said) = jetty(&["verify", "film.bin", "receipt.json"], None);
    assert!(ended == Some(2) && said.contains("JETTY_URL"), "{said}");
}

#[tokio::test]
async fn deployment_without_receipt_keys_answers_503_and_sends_events_unsigned() {
    let stack = &Stack::start_without_receipts().await;
    let sink = Sink::start().await;
    add(stack, &stack.dev, &stack.dev.namespace, &format!("{}/x", sink.url), &["upload.completed"]).await;
    let asset = stack.asset(&stack.dev).bytes("hello").store().await;
    let receipt = sink.wait("/x", 1).await.remove(0).json()["data"]["receipt"].clone();
    assert_eq!((&receipt["size"], receipt.get("signature"), receipt.get("keyId")), (&json!(5), None, None));
    let (status, answer) = stack.get(&stack.dev, &format!("/api/storage/files/{}/receipt", asset["id"].as_str().unwrap())).await;
    assert_eq!((status, &answer["code"]), (503, &json!("receipts-off")));
    assert_eq!(keys(stack).await, json!({ "keys": [] }));
}
