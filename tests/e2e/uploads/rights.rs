//! Uploads whose rights end under way: membership, credentials, the account.

use std::time::{Duration, Instant};

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, credentials, done_or, eventually, random_bytes, sha256, stack, unique};

/// Calls under the upload's token that use its rights for long.
fn refreshes(stack: &Stack, started: &Value) -> [RequestBuilder; 3] {
    let session = started["sessionId"].as_str().unwrap();
    let token = started["uploadToken"].as_str().unwrap();
    let part = json!({ "sessionId": session, "parts": [{ "partNumber": 1, "sha256": sha256(b"x") }] });
    [
        stack.anonymous(Method::GET, &format!("/api/jetty/cache-chunk?sessionId={session}")),
        stack.anonymous(Method::POST, "/api/jetty/track-upload").json(&action("progress", started)),
        stack.anonymous(Method::POST, "/api/jetty/chunk-urls").json(&part),
    ]
    .map(|request| request.header("X-Upload-Token", token))
}

async fn assert_all(requests: impl IntoIterator<Item = RequestBuilder>, status: u16, code: &str) {
    for request in requests {
        let (got, body) = request.answer().await;
        assert_eq!((got, body["code"].as_str().unwrap_or_default()), (status, code), "{body}");
    }
}

/// The same upload with the token of this answer.
fn with_token(started: &Value, answer: &Value) -> Value {
    let mut renewed = started.clone();
    renewed["uploadToken"] = answer["uploadToken"].clone();
    renewed
}

#[tokio::test]
async fn removed_member_sends_no_part_and_completes_nothing_and_its_upload_is_aborted() {
    let stack = stack().await;
    let user = unique("removed-");
    let account = stack.account(&user).tier("pro").create().await;
    let other = stack.account(&unique("stays-")).tier("pro").create().await;
    let shared = stack.namespace(&unique("jt_customer_")).member(&account).member(&other).create().await;
    let bytes = random_bytes(10_000_400);
    let start = async |who: &AccountAccess, namespace: &str| {
        let started = stack.session(who).size(bytes.len()).namespace(namespace).start().await;
        assert_eq!(stack.chunk(&started, 1, &bytes[..10_000_000]).answer().await.0, 200);
        started
    };
    let (ended, own, others) = (start(&account, &shared).await, start(&account, &account.namespace).await, start(&other, &shared).await);
    assert_eq!(stack.used_and_reserved(&account).await, (0, 20_000_800));

    let path = format!("/api/portal/namespaces/{shared}/members/{user}");
    assert_eq!(stack.operator(Method::DELETE, &path).answer().await, (204, Value::Null));
    let last = |started: &Value| stack.chunk(started, 2, &bytes[10_000_000..]);
    let track = |body: Value| stack.request(Method::POST, "/api/jetty/track-upload", &account).json(&body);
    let session = ended["sessionId"].as_str().unwrap();
    let with_account = stack.request(Method::GET, &format!("/api/jetty/cache-chunk?sessionId={session}"), &account);
    let refused = [last(&ended), track(action("complete", &ended)), track(action("progress", &ended)), with_account];
    assert_all(refused.into_iter().chain(refreshes(stack, &ended)), 410, "upload-closed").await;
    let again = json!({ "action": "start", "fileName": "a", "fileSize": 5, "namespace": shared });
    assert_all([track(again)], 404, "not-found").await;

    // Released at the store and in the ledger; nothing else of the account is touched.
    eventually(Duration::from_secs(60), async || {
        let open = stack.bucket.open_upload_ids().await;
        let is_open = |started: &Value| open.iter().any(|id| id == started["uploadId"].as_str().unwrap());
        let usage = stack.used_and_reserved(&account).await;
        done_or(!is_open(&ended) && is_open(&own) && is_open(&others) && usage == (0, 10_000_400), format!("{open:?}, {usage:?}"))
    })
    .await;
    let (_, failed) = stack.get(&account, "/api/jetty/sessions?status=failed").await;
    assert_eq!(failed["sessions"][0]["sessionId"], ended["sessionId"], "{failed}");
    assert_eq!(failed["sessions"][0]["reason"], "removed", "{failed}");
    for (who, started) in [(&account, &own), (&other, &others)] {
        assert_eq!(last(started).answer().await.0, 200);
        assert_eq!(stack.track(who, action("complete", started)).await.0, 200);
    }
    // Taken in again, it begins anew; what was ended stays ended.
    stack.add_member(&shared, &user).await;
    let (status, anew) = stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 5, "namespace": shared })).await;
    assert_eq!(status, 201, "{anew}");
    stack.send_all_parts(&anew, b"again").await;
    assert_eq!(stack.track(&account, action("complete", &anew)).await.0, 200);
    assert_all([last(&ended)], 410, "upload-closed").await;
}

async fn rotate(stack: &Stack, user: &str, overlap_seconds: u64) -> AccountAccess {
    let body = json!({ "agentcache_user_id": user, "overlap_seconds": overlap_seconds });
    let (status, body) = stack.webhook("/api/agentcache/rotate", body).await;
    assert_eq!(status, 200, "{body}");
    credentials(&body)
}

#[tokio::test]
async fn token_of_replaced_credentials_is_not_refreshed_and_new_credentials_go_on() {
    let stack = stack().await;
    let user = unique("rotated-");
    let first = stack.account(&user).tier("pro").create().await;
    let bytes = random_bytes(5_000);
    let started = stack.session(&first).size(bytes.len()).start().await;
    let session = started["sessionId"].as_str().unwrap();
    for request in refreshes(stack, &started) {
        let (status, body) = request.answer().await;
        assert_eq!(status, 200, "{body}");
    }
    let second = rotate(stack, &user, 0).await;
    assert_all(refreshes(stack, &started), 401, "token-revoked").await;
    // The chunk path asks nobody: a token sends parts until its own end.
    stack.send_all_parts(&started, &bytes).await;
    let state = stack.session_state(&second, session).await;
    let renewed = with_token(&started, &state);
    for request in refreshes(stack, &renewed) {
        let (status, body) = request.answer().await;
        assert_eq!(status, 200, "{body}");
    }

    // With an overlap a token goes on until it ends, refreshed or not.
    let third = rotate(stack, &user, 3).await;
    let rotated_at = Instant::now();
    let [refresh, ..] = refreshes(stack, &renewed);
    let (status, body) = refresh.answer().await;
    assert_eq!(status, 200, "{body}");
    let refreshed = with_token(&started, &body);
    tokio::time::sleep(Duration::from_millis(3_200).saturating_sub(rotated_at.elapsed())).await;
    for old in [&renewed, &refreshed] {
        assert_all(refreshes(stack, old), 401, "token-revoked").await;
    }
    assert_eq!(stack.track(&third, action("complete", &started)).await.0, 200);
}

#[tokio::test]
async fn token_of_suspended_account_is_not_refreshed_until_it_is_resumed() {
    let stack = stack().await;
    let user = unique("stopped-");
    let account = stack.account(&user).tier("pro").create().await;
    let started = stack.session(&account).size(5_000).start().await;
    assert_eq!(stack.webhook("/api/agentcache/suspend", json!({ "user_id": user })).await.0, 200);
    assert_all(refreshes(stack, &started), 403, "account-suspended").await;
    assert_eq!(stack.webhook("/api/agentcache/resume", json!({ "user_id": user })).await.0, 200);
    for request in refreshes(stack, &started) {
        let (status, body) = request.answer().await;
        assert_eq!(status, 200, "{body}");
    }
}
