//! API keys and secrets: checked, rotated, forgotten.

use std::time::{Duration, Instant};

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVISION, files_status, provision_body, rotate, user_body};
use crate::harness::{Call, Stack, answer, stack};

#[tokio::test]
async fn provision_after_30_days_returns_null_credentials_until_rotation() {
    // A stack of its own: reading the database past the Worker locks it.
    let stack = &Stack::start(&[]).await;
    let first = stack.account("thirty-days").tier("starter").create().await;
    stack.sql("UPDATE credentials SET sealed_until = 1 WHERE account_id = (SELECT id FROM accounts WHERE agentcache_user_id = 'thirty-days')").await;
    let repeat = || stack.webhook(PROVISION, provision_body("thirty-days", "starter"));
    let (status, body) = repeat().await;
    assert_eq!((status, &body["cached"]), (200, &json!(true)), "{body}");
    assert_eq!((&body["account"]["api_key"], &body["account"]["api_secret"]), (&Value::Null, &Value::Null));
    assert_eq!(files_status(stack, &first).await, 200, "what was issued works on");
    let second = rotate(stack, user_body("thirty-days")).await;
    assert!(second.api_key != first.api_key && second.api_secret != first.api_secret);
    let (status, body) = repeat().await;
    assert_eq!((status, body["account"]["api_key"].as_str()), (200, Some(second.api_key.as_str())), "these can be had again");
}

#[tokio::test]
async fn rotation_returns_401_for_old_credentials_once_the_overlap_ends() {
    let stack = stack().await;
    let first = stack.account("rotator").tier("pro").create().await;
    assert_eq!(files_status(stack, &first).await, 200);
    let second = rotate(stack, user_body("rotator")).await;
    assert_eq!(
        (files_status(stack, &first).await, files_status(stack, &second).await),
        (401, 200),
        "at once, also where the old ones were remembered"
    );
    let mixed = AccountAccess { api_secret: first.api_secret.clone(), ..second.clone() };
    assert_eq!(files_status(stack, &mixed).await, 401);

    let third = rotate(stack, json!({ "agentcache_user_id": "rotator", "overlap_seconds": 3 })).await;
    let rotated_at = Instant::now();
    assert_eq!((files_status(stack, &second).await, files_status(stack, &third).await), (200, 200));
    assert_eq!(files_status(stack, &first).await, 401, "an overlap brings nothing back");
    tokio::time::sleep(Duration::from_millis(3_100).saturating_sub(rotated_at.elapsed())).await;
    assert_eq!((files_status(stack, &second).await, files_status(stack, &third).await), (401, 200));

    let fourth = rotate(stack, json!({ "agentcache_user_id": "rotator", "overlap_seconds": 600 })).await;
    let fifth = rotate(stack, user_body("rotator")).await;
    let now = [files_status(stack, &third).await, files_status(stack, &fourth).await, files_status(stack, &fifth).await];
    assert_eq!(now, [401, 401, 200], "a rotation without overlap ends an earlier overlap");
    for bad in [json!(-1), json!(2_592_001), json!("3")] {
        let (status, _) = stack.webhook("/api/agentcache/rotate", json!({ "agentcache_user_id": "rotator", "overlap_seconds": bad })).await;
        assert_eq!(status, 422, "{bad}");
    }
    assert_eq!(files_status(stack, &fifth).await, 200);
}

/// The text with one character changed.
fn typo(text: &str, position: usize) -> String {
    let mut wrong = text.to_owned();
    wrong.replace_range(position..=position, if text[position..].starts_with('7') { "8" } else { "7" });
    wrong
}

#[tokio::test]
async fn mistyped_credentials_return_401_without_database_lookup() {
    let blind = Stack::without_tables().await;
    let status = async |key: &str, secret: &str| {
        let request = blind.anonymous(Method::GET, "/api/storage/files").bearer_auth(key).header("X-API-Secret", secret);
        let (status, body) = request.answer().await;
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let (key, secret) = (&blind.dev.api_key, &blind.dev.api_secret);
    for position in [0, 3, 8, 20, 37, 38, 43] {
        assert_eq!(status(&typo(key, position), secret).await, (401, "unauthenticated".to_owned()), "key, {position}");
        assert_eq!(status(key, &typo(secret, position)).await, (401, "unauthenticated".to_owned()), "secret, {position}");
    }
    assert_eq!(status(key, secret).await, (500, "internal".to_owned()), "a well-formed one is looked up");
}

#[tokio::test]
async fn wrong_key_or_secret_returns_401() {
    let stack = stack().await;
    let get = |key: &str, secret: &str| stack.anonymous(Method::GET, "/api/storage/files").bearer_auth(key).header("X-API-Secret", secret).sent();
    let (dev, other) = (&stack.dev, &stack.other);
    assert_eq!(answer(get(&dev.api_key, &dev.api_secret).await.unwrap()).await.0, 200);
    let alias = stack.anonymous(Method::GET, "/api/storage/files").header("X-API-Key", &dev.api_key).header("X-API-Secret", &dev.api_secret);
    assert_eq!(alias.answer().await.0, 200);
    for (key, secret) in [(&dev.api_key, &other.api_secret), (&other.api_key, &dev.api_secret), (&"jt_live_x".to_owned(), &dev.api_secret)] {
        let (status, body) = answer(get(key, secret).await.unwrap()).await;
        assert_eq!((status, body["code"].as_str().unwrap()), (401, "unauthenticated"));
    }
}
