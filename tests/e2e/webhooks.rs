//! Webhook calls of the identity backend: who may make them, and that a call made twice is one call.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Call, NEW_SECRET, OLD_SECRET, Stack, raw_answer, sha256, stack, stack_with_two_webhook_secrets};

const PROVISION: &str = "/api/agentcache/provision";

/// A webhook call as its sender signs it.
pub struct Hook {
    id: String,
    at: u64,
}

impl Hook {
    /// Sent now.
    pub fn new(id: &str) -> Hook {
        Hook::sent(id, 0)
    }

    /// Sent `offset` seconds from now.
    fn sent(id: &str, offset: i64) -> Hook {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        Hook { id: id.to_owned(), at: now.checked_add_signed(offset).unwrap() }
    }

    /// `v1,…` over id, time and body (standardwebhooks.com).
    fn sign(&self, secret: &str, body: &str) -> String {
        let text = secret.strip_prefix("whsec_").unwrap();
        let key = STANDARD.decode(format!("{text}{}", &"==="[..(4 - text.len() % 4) % 4])).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{body}", self.id, self.at).as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    fn post_with(&self, stack: &Stack, path: &str, body: &str, signature: &str) -> RequestBuilder {
        let request = stack.anonymous(Method::POST, path).header("webhook-id", &self.id).header("webhook-timestamp", self.at.to_string());
        request.header("webhook-signature", signature).header("content-type", "application/json").body(body.to_owned())
    }

    /// The request, signed with the stack's secret.
    pub fn post(&self, stack: &Stack, path: &str, body: &str) -> RequestBuilder {
        self.post_with(stack, path, body, &self.sign(&stack.secrets.webhook_secret, body))
    }
}

fn provision_body(user: &str, tier: &str) -> String {
    json!({ "user_id": user, "email": "someone@example.com", "tier": tier }).to_string()
}

#[tokio::test]
async fn signature_by_any_configured_secret_returns_201_and_others_401() {
    let stack = stack_with_two_webhook_secrets().await;
    let stranger = "whsec_c3RyYW5nZXItc3RyYW5nZXItc3RyYW5nZXItc3Rhcg==";
    let junk = "v1,AAAA";
    let call = |name: &str, sign: &dyn Fn(&Hook, &str) -> String| {
        let (hook, body) = (Hook::new(name), provision_body(name, "free"));
        hook.post_with(stack, PROVISION, &body, &sign(&hook, &body))
    };
    for (name, status, request) in [
        ("signed-new", 201, call("signed-new", &|hook, body| hook.sign(NEW_SECRET, body))),
        ("signed-old", 201, call("signed-old", &|hook, body| hook.sign(OLD_SECRET, body))),
        ("signed-last", 201, call("signed-last", &|hook, body| format!("{junk} v1a,x v2,{junk} {}", hook.sign(OLD_SECRET, body)))),
        ("signed-first", 201, call("signed-first", &|hook, body| format!("{} {junk}", hook.sign(NEW_SECRET, body)))),
        ("signed-by-another", 401, call("signed-by-another", &|hook, body| hook.sign(stranger, body))),
        ("signed-v2", 401, call("signed-v2", &|hook, body| hook.sign(NEW_SECRET, body).replace("v1,", "v2,"))),
        ("signed-junk", 401, call("signed-junk", &|_, _| format!("{junk} {junk}"))),
        ("signed-over-other-body", 401, call("signed-over-other-body", &|hook, body| hook.sign(NEW_SECRET, &format!("{body} ")))),
        ("signed-as-other-id", 401, call("signed-as-other-id", &|_, body| Hook::new("other").sign(NEW_SECRET, body))),
    ] {
        let (got, body) = request.answer().await;
        assert_eq!(got, status, "{name}: {body}");
        assert_eq!(body["account"]["agentcache_user_id"].as_str(), (status == 201).then_some(name), "{body}");
    }
    for bearer in [NEW_SECRET, OLD_SECRET] {
        let request = stack.anonymous(Method::GET, "/api/agentcache/quota?agentcache_user_id=signed-new").bearer_auth(bearer);
        assert_eq!(request.answer().await.0, 200);
    }
}

#[tokio::test]
async fn stale_incomplete_or_unsigned_webhook_returns_401() {
    let stack = stack_with_two_webhook_secrets().await;
    let body = provision_body("late", "free");
    for offset in [-360, 360] {
        let (status, answer) = Hook::sent("late", offset).post(stack, PROVISION, &body).answer().await;
        assert_eq!((status, &answer["code"]), (401, &json!("webhook-timestamp")), "{offset} s");
    }
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let (status, answer) = Hook::new("late").post(stack, PROVISION, &body).remove_header(name).answer().await;
        assert_eq!((status, &answer["code"]), (401, &json!("unauthenticated")), "without {name}");
    }
    let bearer = |secret: &str| stack.anonymous(Method::POST, PROVISION).bearer_auth(secret).body(body.clone());
    let wrong = format!("{NEW_SECRET}x");
    for secret in [&wrong, &NEW_SECRET[..NEW_SECRET.len() - 1], &NEW_SECRET["whsec_".len()..], &stack.secrets.admin_token, &stack.dev.api_key] {
        assert_eq!(bearer(secret).answer().await.0, 401, "{secret}");
    }
    assert_eq!(stack.request(Method::POST, PROVISION, &stack.dev).body(body.clone()).answer().await.0, 401);
    assert_eq!(stack.anonymous(Method::POST, PROVISION).body(body.clone()).answer().await.0, 401);
    for offset in [-240, 240] {
        let (status, answer) = Hook::sent(&format!("late{offset}"), offset).post(stack, PROVISION, &body).answer().await;
        assert_eq!((status, &answer["cached"]), (if offset < 0 { 201 } else { 200 }, &json!(offset > 0)), "{offset} s: none of the others did it");
    }
}

#[tokio::test]
async fn malformed_webhook_body_returns_400_413_or_422() {
    let stack = stack().await;
    let nul = "{\"user_id\":\"a\\u0000b\",\"email\":\"a@b\",\"tier\":\"pro\"}";
    let (longest, long) = (provision_body(&"x".repeat(128), "pro"), provision_body(&"x".repeat(129), "pro"));
    let unpadded = provision_body("padded", "free");
    let padded = |size: usize| format!("{unpadded}{}", " ".repeat(size - unpadded.len()));
    for (index, (body, status)) in [
        ("", 400),
        ("{", 400),
        ("{\"user_id\":\"a\",\"email\":\"a@b\",\"tier\":\"pro\"}x", 400),
        ("[]", 422),
        ("{}", 422),
        ("{\"user_id\":7,\"email\":\"a@b\",\"tier\":\"pro\"}", 422),
        ("{\"user_id\":\"a\",\"email\":null,\"tier\":\"pro\"}", 422),
        ("{\"user_id\":\"a\",\"email\":\"a@b\",\"tier\":3}", 422),
        ("{\"user_id\":\"a\",\"email\":\"nobody\",\"tier\":\"pro\"}", 422),
        ("{\"user_id\":\"../a\",\"email\":\"a@b\",\"tier\":\"pro\"}", 422),
        (nul, 422),
        (&long, 422),
        (&padded(262_145), 413),
        (&padded(262_144), 201),
        (&longest, 201),
    ]
    .into_iter()
    .enumerate()
    {
        if status != 201 {
            let (got, answer) = Hook::new(&format!("bad-{index}")).post(stack, PROVISION, body).answer().await;
            assert_eq!(got, status, "signed {:.80} -> {answer}", body);
        }
        let (got, answer) = stack.backend(Method::POST, PROVISION).body(body.to_owned()).answer().await;
        assert_eq!(got, status, "{:.80} -> {answer}", body);
    }
    for action in ["rotate", "suspend", "resume", "upgrade"] {
        for (body, status) in [("{", 400), ("{\"user_id\":7,\"tier\":\"pro\"}", 422), ("{\"user_id\":\"a\\u0000\",\"tier\":\"pro\"}", 422)] {
            let (got, answer) = stack.backend(Method::POST, &format!("/api/agentcache/{action}")).body(body).answer().await;
            assert_eq!(got, status, "{action} {body} -> {answer}");
        }
    }
    let unknown = stack.backend(Method::GET, "/api/agentcache/quota?agentcache_user_id=nobody-there");
    assert_eq!(unknown.answer().await.0, 404);
    assert_eq!(stack.backend(Method::GET, "/api/agentcache/quota").answer().await.0, 422);
}

#[tokio::test]
async fn repeated_webhook_id_returns_the_first_answer() {
    let stack = stack().await;
    let hook = Hook::new("msg_replayed");
    let send = async |hook: &Hook, path: &str, body: &str| raw_answer(hook.post(stack, path, body).sent().await.unwrap()).await;
    let body = provision_body("replayed", "pro");
    let (status, repeated, first) = send(&hook, PROVISION, &body).await;
    assert_eq!((status, repeated), (201, false));
    for path in ["suspend", "rotate"] {
        assert_eq!(stack.webhook(&format!("/api/agentcache/{path}"), json!({ "user_id": "replayed" })).await.0, 200);
    }
    let later = Hook { id: hook.id.clone(), at: hook.at + 1 };
    for (hook, body) in [(&hook, &body), (&later, &body), (&hook, &provision_body("another", "pro"))] {
        assert!(send(hook, PROVISION, body).await == (201, true, first.clone()), "to the byte");
    }
    assert_eq!(serde_json::from_slice::<Value>(&first).unwrap()["account"]["status"], "active");
    let unknown = stack.backend(Method::GET, "/api/agentcache/quota?agentcache_user_id=another");
    assert_eq!(unknown.answer().await.0, 404, "the repetition did nothing");
    let (status, now) = stack.webhook(PROVISION, serde_json::from_str(&body).unwrap()).await;
    assert_eq!((status, &now["account"]["status"]), (200, &json!("suspended")));

    let rotation = Hook::new("msg_rotation");
    let body = json!({ "user_id": "replayed" }).to_string();
    let (status, repeated, rotated) = send(&rotation, "/api/agentcache/rotate", &body).await;
    assert_eq!((status, repeated), (200, false));
    assert!(send(&rotation, "/api/agentcache/rotate", &body).await == (200, true, rotated), "rotated once");

    let corrected = Hook::new("msg_corrected");
    let (status, _, _) = send(&corrected, PROVISION, &provision_body("corrected", "gold")).await;
    assert_eq!(status, 422);
    let (status, repeated, _) = send(&corrected, PROVISION, &provision_body("corrected", "pro")).await;
    assert_eq!((status, repeated), (201, false), "a refusal is not kept");
}

#[tokio::test]
async fn secret_of_any_form_and_platform_name_is_a_bearer_but_signs_nothing() {
    let stack =
        Stack::start(&[("JETTYTHUNDER_WEBHOOK_SECRET", "plain-secret-of-the-platform"), ("INTERNAL_WEBHOOK_SECRET", "0123456789abcdef01234567")])
            .await;
    let path = "/api/agentcache/quota?agentcache_user_id=nobody";
    for bearer in ["plain-secret-of-the-platform", "0123456789abcdef01234567", &stack.secrets.webhook_secret] {
        let (status, body) = stack.anonymous(Method::GET, path).bearer_auth(bearer).answer().await;
        assert_eq!((status, &body["code"]), (404, &json!("not-found")), "a caller who may ask for anybody, of whom there is none: {body}");
    }
    for bearer in ["plain-secret-of-the-platforn", "plain-secret", "0123456789abcdef0123456"] {
        assert_eq!(stack.anonymous(Method::GET, path).bearer_auth(bearer).answer().await.0, 401, "{bearer}");
    }
    let body = json!({ "agentcache_user_id": "signed-by-a-bearer", "agentcache_email": "a@example.com", "tier": "pro" }).to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"plain-secret-of-the-platform").unwrap();
    mac.update(format!("msg_1.{now}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let signed = stack.anonymous(Method::POST, PROVISION).header("webhook-id", "msg_1").header("webhook-timestamp", now);
    assert_eq!(signed.header("webhook-signature", signature).body(body).answer().await.0, 401);
}

#[tokio::test]
async fn signed_get_returns_401_because_its_query_is_not_signed() {
    let stack = stack().await;
    for user in ["signed-get-1", "signed-get-2"] {
        stack.account(user).tier("free").create().await;
    }
    let (hook, quota) = (Hook::new("msg_quota"), "/api/agentcache/quota?agentcache_user_id=");
    let signature = hook.sign(&stack.secrets.webhook_secret, "");
    for method in [Method::GET, Method::HEAD] {
        for user in ["signed-get-1", "signed-get-2"] {
            let request = stack.anonymous(method.clone(), &format!("{quota}{user}")).header("webhook-id", &hook.id);
            let request = request.header("webhook-timestamp", hook.at.to_string()).header("webhook-signature", &signature);
            assert_eq!(request.sent().await.unwrap().status(), 401, "{method} {user}");
        }
    }
    let bearer = stack.backend(Method::GET, &format!("{quota}signed-get-1")).header("webhook-id", "msg_bearer");
    assert_eq!(bearer.answer().await.0, 200);
}

#[tokio::test]
async fn echo_tells_what_arrived_and_by_what_it_was_believed() {
    let stack = stack_with_two_webhook_secrets().await;
    let body = "{\"text\": \"ü  a@example.com\"}";
    let echo = async |request: RequestBuilder| request.answer().await;
    let (status, said) = echo(Hook::new("echo-1").post(stack, "/api/webhooks/echo", body)).await;
    let expected = json!({ "bytes": body.len(), "sha256": sha256(body.as_bytes()), "verified_by": "signature" });
    assert_eq!(status, 200, "{said}");
    assert!(["bytes", "sha256", "verified_by"].iter().all(|name| said[name] == expected[name]), "{said}");
    assert!(said["skew_seconds"].as_i64().unwrap().abs() <= 10, "{said}");
    // A repeated id is no repeated call: nothing is kept.
    let (status, said) = echo(Hook::sent("echo-1", -100).post(stack, "/api/webhooks/echo", "other")).await;
    assert_eq!((status, &said["bytes"]), (200, &json!(5)));
    assert!((100..110).contains(&said["skew_seconds"].as_i64().unwrap()), "{said}");
    let bearer = stack.anonymous(Method::POST, "/api/webhooks/echo").bearer_auth(OLD_SECRET);
    let (status, said) = echo(bearer.body("")).await;
    let expected = json!({ "bytes": 0, "sha256": sha256(b""), "verified_by": "bearer", "skew_seconds": null });
    assert_eq!((status, said), (200, expected));
    let nobody = || stack.anonymous(Method::POST, "/api/webhooks/echo").with_new_address();
    assert_eq!(echo(nobody().body("x")).await.0, 401);
    assert_eq!(echo(nobody().bearer_auth("whsec_bm90LW5vdC1ub3Qtbm90LW5vdC1ub3Q=").body("x")).await.0, 401);
    let large = nobody().bearer_auth(NEW_SECRET).body(vec![b'x'; 300_000]);
    assert_eq!(echo(large).await.0, 413);
}
