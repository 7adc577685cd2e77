//! Signing in with a browser: the cookie, for whom and where it counts, and how it ends.

use jettyspeed_devstack::secrets::note;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::harness::{Call, Stack, header, random_bytes, unique};

/// Exchanges the credentials of `request` for a cookie: what was answered, and `name=token`.
async fn sign_in(request: RequestBuilder) -> (Value, String) {
    let response = request.header("User-Agent", "Browser/1").sent().await.unwrap();
    assert_eq!(response.status(), 201);
    let set = header(&response, "set-cookie");
    let attributes: Vec<&str> = set.split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Strict"], "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    note([cookie.split_once('=').unwrap().1.to_owned()]).unwrap();
    (response.json().await.unwrap(), cookie)
}

/// A request as the page itself sends it.
fn own(stack: &Stack, method: Method, path: &str, cookie: &str) -> RequestBuilder {
    stack.anonymous(method, path).with_new_address().header("Cookie", cookie).header("Sec-Fetch-Site", "same-origin")
}

const SESSIONS: &str = "/api/portal/sessions";

#[tokio::test]
async fn cookie_stands_for_the_account_in_its_own_origin_until_it_is_ended() {
    let stack = Stack::start(&[]).await;
    let (mine, other) = (stack.account("mine").tier("pro").create().await, stack.account("stranger").tier("pro").create().await);
    let asset = stack.asset(&mine).bytes(random_bytes(5_000)).store().await;
    let (who, cookie) = sign_in(stack.request(Method::POST, SESSIONS, &mine)).await;
    assert_eq!((&who["kind"], &who["agentcache_user_id"], &who["namespace"]), (&json!("account"), &json!("mine"), &json!("jt_user_mine")));

    let get = async |path: &str| own(&stack, Method::GET, path, &cookie).answer().await;
    assert_eq!(get("/api/portal/session").await, (200, who.clone()));
    let (status, files) = get("/api/storage/files").await;
    assert_eq!((status, &files["files"][0]["id"]), (200, &asset["id"]));
    assert_eq!(get("/api/portal/tiers").await.0, 401, "no operator");
    let id = asset["id"].as_str().unwrap();
    let content = own(&stack, Method::GET, &format!("/files/{id}/x"), &cookie).sent().await.unwrap();
    assert_eq!((content.status().as_u16(), content.bytes().await.unwrap().len()), (200, 5_000));
    // A content URL has a proof of its own.
    let url = get(&format!("/api/storage/download?assetId={id}")).await.1["url"].as_str().unwrap().to_owned();
    let path = url.split_once("//").unwrap().1.split_once('/').unwrap().1.to_owned();
    assert_eq!(own(&stack, Method::GET, &format!("/{path}"), &cookie).sent().await.unwrap().status(), 200);

    // Another site's page, a sibling's, and a form of an unknown origin act for nobody.
    let rename = |request: RequestBuilder| request.header("Cookie", &cookie).json(&json!({ "fileName": "b.bin" }));
    let path = format!("/api/storage/files/{id}");
    let patch = || stack.anonymous(Method::PATCH, &path).with_new_address();
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "none"),
        ("Origin", "https://evil.example.com"),
        ("Origin", "null"),
    ] {
        assert_eq!(rename(patch().header(name, value)).answer().await.0, 401, "{name}: {value}");
    }
    assert_eq!(rename(patch()).answer().await.0, 401, "nothing tells where it comes from");
    let (status, renamed) = rename(patch().header("Sec-Fetch-Site", "same-origin")).answer().await;
    assert_eq!((status, &renamed["asset"]["name"]), (200, &json!("b.bin")));
    // Beside another proof the cookie is left aside.
    let both = stack.request(Method::GET, "/api/portal/session", &other).header("Cookie", &cookie).header("Sec-Fetch-Site", "same-origin");
    assert_eq!(both.answer().await.1["agentcache_user_id"], "stranger");
    // A cookie is no proof for another one, which would make it last for ever.
    assert_eq!(own(&stack, Method::POST, SESSIONS, &cookie).answer().await.0, 401);
    for forged in [format!("{cookie}x"), cookie.replace('.', ".A"), "jettyspeed=".to_owned(), "jettyspeed=jtd1.e30.AAAA".to_owned()] {
        assert_eq!(own(&stack, Method::GET, "/api/portal/session", &forged).answer().await.0, 401, "{forged}");
    }

    let (second, second_cookie) = sign_in(stack.request(Method::POST, SESSIONS, &mine)).await;
    let (_, foreign_cookie) = sign_in(stack.request(Method::POST, SESSIONS, &other)).await;
    let listed = get(SESSIONS).await.1["sessions"].clone();
    let seen: Vec<_> = listed.as_array().unwrap().iter().map(|session| (session["id"].clone(), session["is_current"].clone())).collect();
    assert_eq!(seen, [(second["id"].clone(), json!(false)), (who["id"].clone(), json!(true))], "{listed}");
    assert_eq!(listed[0]["user_agent"], "Browser/1");
    let end = async |id: &str, cookie: &str| own(&stack, Method::DELETE, &format!("{SESSIONS}/{id}"), cookie).sent().await.unwrap();
    let is_gone = |response: &Response| (response.status().as_u16(), header(response, "set-cookie").contains("Max-Age=0"));
    assert_eq!(is_gone(&end(second["id"].as_str().unwrap(), &foreign_cookie).await), (404, false), "of another account");
    assert_eq!(is_gone(&end(second["id"].as_str().unwrap(), &cookie).await), (204, false));
    assert_eq!(own(&stack, Method::GET, "/api/portal/session", &second_cookie).answer().await.0, 401);
    assert_eq!(is_gone(&end("current", &cookie).await), (204, true));
    assert_eq!(get("/api/portal/session").await.0, 401);
    assert_eq!(own(&stack, Method::GET, "/api/portal/session", &foreign_cookie).answer().await.0, 200);
}

#[tokio::test]
async fn session_ends_with_its_key_unless_the_browser_replaced_it_itself() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("mine").tier("pro").create().await;
    let (_, cookie) = sign_in(stack.request(Method::POST, SESSIONS, &account)).await;
    let (_, other_cookie) = sign_in(stack.request(Method::POST, SESSIONS, &account)).await;
    let call = async |method: Method, path: &str, cookie: &str, body: Value| own(&stack, method, path, cookie).json(&body).answer().await;
    let (_, keys) = call(Method::GET, "/api/portal/keys", &cookie, json!({})).await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    let (status, rotated) = call(Method::POST, "/api/portal/keys/rotate", &cookie, json!({ "overlap_seconds": 0 })).await;
    assert_eq!(status, 200, "{rotated}");
    assert!(rotated["account"]["api_key"].is_string() && rotated["account"]["api_secret"].is_string());
    let (status, after) = call(Method::GET, "/api/portal/keys", &cookie, json!({})).await;
    assert_eq!(status, 200, "goes on with the new key: {after}");
    assert!(after["keys"][0]["fingerprint"] != keys["keys"][0]["fingerprint"], "{after}");
    assert_eq!(call(Method::GET, "/api/portal/keys", &other_cookie, json!({})).await.0, 401, "opened with the old key");
    assert_eq!(stack.get(&account, "/api/portal/keys").await.0, 401);
    let invalid = call(Method::POST, "/api/portal/keys/rotate", &cookie, json!({ "overlap_seconds": 2_592_001 })).await;
    assert_eq!((invalid.0, &invalid.1["field"]), (422, &json!("overlap_seconds")));

    // Keys are bounded.
    let mut made = 0;
    let refused = loop {
        let (status, answer) = call(Method::POST, "/api/portal/keys/rotate", &cookie, json!({ "overlap_seconds": 60 })).await;
        if status != 200 {
            break (status, answer["code"].clone());
        }
        made += 1;
        assert!(made < 30);
    };
    assert_eq!((refused, made), ((429, json!("rate-limited")), 18), "beside the first two");

    // A suspended account sees who it is and changes nothing.
    let suspended = stack.operator(Method::PATCH, "/api/portal/accounts/mine").json(&json!({ "status": "suspended" })).answer().await;
    assert_eq!((suspended.0, &suspended.1["account"]["status"]), (200, &json!("suspended")));
    assert_eq!(call(Method::POST, "/api/portal/keys/rotate", &cookie, json!({})).await.1["code"], "account-suspended");
}

#[tokio::test]
async fn operator_signs_in_and_steers_accounts_by_cookie() {
    let stack = Stack::start(&[]).await;
    let (who, cookie) = sign_in(stack.operator(Method::POST, SESSIONS)).await;
    assert_eq!((&who["kind"], &who["tier"]), (&json!("operator"), &Value::Null));
    let call = async |method: Method, path: &str, body: Value| own(&stack, method, path, &cookie).json(&body).answer().await;
    assert_eq!(call(Method::GET, "/api/health?deep=1", json!({})).await.1["parts"]["d1"]["ok"], true);
    assert_eq!(call(Method::GET, "/api/storage/files", json!({})).await.0, 401, "no account");
    let user = unique("hand-");
    let create = json!({ "agentcache_user_id": user, "agentcache_email": "a@b.c", "tier": "starter" });
    let (status, created) = call(Method::POST, "/api/portal/accounts", create.clone()).await;
    assert_eq!((status, &created["cached"]), (201, &json!(false)), "{created}");
    assert_eq!(call(Method::POST, "/api/portal/accounts", create).await.0, 200);
    let path = format!("/api/portal/accounts/{user}");
    let (status, moved) = call(Method::PATCH, &path, json!({ "tier": "pro" })).await;
    assert_eq!((status, &moved["account"]["tier"], &moved["account"]["status"]), (200, &json!("pro"), &json!("active")));
    for (body, field) in [(json!({}), "tier"), (json!({ "status": "gone" }), "status"), (json!({ "tier": "absent" }), "tier")] {
        let (status, problem) = call(Method::PATCH, &path, body).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)));
    }
    assert_eq!(call(Method::PATCH, &path, json!({ "status": "suspended" })).await.1["account"]["status"], "suspended");
    assert_eq!(call(Method::PATCH, &path, json!({ "tier": "enterprise", "status": "active" })).await.1["account"]["tier"], "enterprise");
    let (status, rotated) = call(Method::POST, &format!("{path}/rotate"), json!({ "overlap_seconds": 60 })).await;
    assert!(status == 200 && rotated["account"]["api_key"] != created["account"]["api_key"], "{status}");
    assert_eq!(call(Method::PATCH, "/api/portal/accounts/absent-user", json!({ "tier": "pro" })).await.0, 404);

    stack.run_daily().await;
    let (status, jobs) = call(Method::GET, "/api/portal/jobs", json!({})).await;
    assert_eq!((status, &jobs["runs"][0]["name"], &jobs["waiting"]["accounts_moving"]), (200, &json!("daily"), &json!(0)), "{jobs}");
}
