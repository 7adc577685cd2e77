//! Calls of the identity backend: who may make them, and that a call made twice is one call. The same for every `Idempotency-Key`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::stack::{Stack, answer, at_once, stack};

const PROVISION: &str = "/api/agentcache/provision";
const NEW_SECRET: &str = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw==";
const OLD_SECRET: &str = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZC0";

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

/// A stack with two webhook secrets, and 50 unknown callers per address and minute.
pub async fn two_secrets() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let secrets = format!("{NEW_SECRET}, {OLD_SECRET}");
    let start = || async {
        let mut stack = Stack::start(&[("WEBHOOK_SECRETS", &secrets), ("RATE_LIMIT_MAX_REQUESTS", "50")]).await;
        stack.secrets.webhook_secret = NEW_SECRET.to_owned();
        stack
    };
    STACK.get_or_init(start).await
}

fn wanted(user: &str, tier: &str) -> String {
    json!({ "user_id": user, "email": "someone@example.com", "tier": tier }).to_string()
}

async fn sent(request: RequestBuilder) -> (u16, Value) {
    answer(request.send().await.unwrap()).await
}

/// An answer to the byte, and whether it says that it is a repetition.
async fn raw(response: Response) -> (u16, bool, Vec<u8>) {
    let repeated = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
    (response.status().as_u16(), repeated, response.bytes().await.unwrap().to_vec())
}

fn without(request: RequestBuilder, name: &str) -> RequestBuilder {
    let (client, request) = request.build_split();
    let mut request = request.unwrap();
    request.headers_mut().remove(name).unwrap();
    RequestBuilder::from_parts(client, request)
}

#[tokio::test]
async fn any_secret_signs_and_any_signature_may_be_the_right_one() {
    let stack = two_secrets().await;
    let stranger = "whsec_c3RyYW5nZXItc3RyYW5nZXItc3RyYW5nZXItc3Rhcg==";
    let junk = "v1,AAAA";
    let call = |name: &str, sign: &dyn Fn(&Hook, &str) -> String| {
        let (hook, body) = (Hook::new(name), wanted(name, "free"));
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
        let (got, body) = sent(request).await;
        assert_eq!(got, status, "{name}: {body}");
        assert_eq!(body["account"]["agentcache_user_id"].as_str(), (status == 201).then_some(name), "{body}");
    }
    for bearer in [NEW_SECRET, OLD_SECRET] {
        let request = stack.anonymous(Method::GET, "/api/agentcache/quota?agentcache_user_id=signed-new").bearer_auth(bearer);
        assert_eq!(sent(request).await.0, 200);
    }
}

#[tokio::test]
async fn stale_incomplete_and_unsigned_calls_are_nobodys() {
    let stack = two_secrets().await;
    let body = wanted("late", "free");
    for offset in [-360, 360] {
        let (status, answer) = sent(Hook::sent("late", offset).post(stack, PROVISION, &body)).await;
        assert_eq!((status, &answer["code"]), (401, &json!("webhook-timestamp")), "{offset} s");
    }
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let (status, answer) = sent(without(Hook::new("late").post(stack, PROVISION, &body), name)).await;
        assert_eq!((status, &answer["code"]), (401, &json!("unauthenticated")), "without {name}");
    }
    let bearer = |secret: &str| stack.anonymous(Method::POST, PROVISION).bearer_auth(secret).body(body.clone());
    let wrong = format!("{NEW_SECRET}x");
    for secret in [&wrong, &NEW_SECRET[..NEW_SECRET.len() - 1], &NEW_SECRET["whsec_".len()..], &stack.secrets.admin_token, &stack.dev.api_key] {
        assert_eq!(sent(bearer(secret)).await.0, 401, "{secret}");
    }
    assert_eq!(sent(stack.request(Method::POST, PROVISION, &stack.dev).body(body.clone())).await.0, 401);
    assert_eq!(sent(stack.anonymous(Method::POST, PROVISION).body(body.clone())).await.0, 401);
    for offset in [-240, 240] {
        let (status, answer) = sent(Hook::sent(&format!("late{offset}"), offset).post(stack, PROVISION, &body)).await;
        assert_eq!((status, &answer["cached"]), (if offset < 0 { 201 } else { 200 }, &json!(offset > 0)), "{offset} s: none of the others did it");
    }
}

#[tokio::test]
async fn bad_bodies_of_webhooks_are_told_apart() {
    let stack = stack().await;
    let nul = "{\"user_id\":\"a\\u0000b\",\"email\":\"a@b\",\"tier\":\"pro\"}";
    let (longest, long) = (wanted(&"x".repeat(128), "pro"), wanted(&"x".repeat(129), "pro"));
    let unpadded = wanted("padded", "free");
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
            let (got, answer) = sent(Hook::new(&format!("bad-{index}")).post(stack, PROVISION, body)).await;
            assert_eq!(got, status, "signed {:.80} -> {answer}", body);
        }
        let (got, answer) = sent(stack.backend(Method::POST, PROVISION).body(body.to_owned())).await;
        assert_eq!(got, status, "{:.80} -> {answer}", body);
    }
    for action in ["rotate", "suspend", "resume", "upgrade"] {
        for (body, status) in [("{", 400), ("{\"user_id\":7,\"tier\":\"pro\"}", 422), ("{\"user_id\":\"a\\u0000\",\"tier\":\"pro\"}", 422)] {
            let (got, answer) = sent(stack.backend(Method::POST, &format!("/api/agentcache/{action}")).body(body)).await;
            assert_eq!(got, status, "{action} {body} -> {answer}");
        }
    }
    let unknown = stack.backend(Method::GET, "/api/agentcache/quota?agentcache_user_id=nobody-there");
    assert_eq!(sent(unknown).await.0, 404);
    assert_eq!(sent(stack.backend(Method::GET, "/api/agentcache/quota")).await.0, 422);
}

#[tokio::test]
async fn a_repeated_webhook_gets_the_first_answer_whatever_happened_since() {
    let stack = stack().await;
    let hook = Hook::new("msg_replayed");
    let send = async |hook: &Hook, path: &str, body: &str| raw(hook.post(stack, path, body).send().await.unwrap()).await;
    let body = wanted("replayed", "pro");
    let (status, repeated, first) = send(&hook, PROVISION, &body).await;
    assert_eq!((status, repeated), (201, false));
    for path in ["suspend", "rotate"] {
        assert_eq!(stack.tell(&format!("/api/agentcache/{path}"), json!({ "user_id": "replayed" })).await.0, 200);
    }
    let later = Hook { id: hook.id.clone(), at: hook.at + 1 };
    for (hook, body) in [(&hook, &body), (&later, &body), (&hook, &wanted("another", "pro"))] {
        assert!(send(hook, PROVISION, body).await == (201, true, first.clone()), "to the byte");
    }
    assert_eq!(serde_json::from_slice::<Value>(&first).unwrap()["account"]["status"], "active");
    let unknown = stack.backend(Method::GET, "/api/agentcache/quota?agentcache_user_id=another");
    assert_eq!(sent(unknown).await.0, 404, "the repetition did nothing");
    let (status, now) = stack.tell(PROVISION, serde_json::from_str(&body).unwrap()).await;
    assert_eq!((status, &now["account"]["status"]), (200, &json!("suspended")));

    let rotation = Hook::new("msg_rotation");
    let body = json!({ "user_id": "replayed" }).to_string();
    let (status, repeated, rotated) = send(&rotation, "/api/agentcache/rotate", &body).await;
    assert_eq!((status, repeated), (200, false));
    assert!(send(&rotation, "/api/agentcache/rotate", &body).await == (200, true, rotated), "rotated once");

    let corrected = Hook::new("msg_corrected");
    let (status, _, _) = send(&corrected, PROVISION, &wanted("corrected", "gold")).await;
    assert_eq!(status, 422);
    let (status, repeated, _) = send(&corrected, PROVISION, &wanted("corrected", "pro")).await;
    assert_eq!((status, repeated), (201, false), "a refusal is not kept");
}

#[tokio::test]
async fn an_idempotency_key_starts_one_session() {
    let stack = stack().await;
    let (one, two) = (stack.provisioned("key-one", "pro").await, stack.provisioned("key-two", "pro").await);
    let start = |account: &AccountAccess, size: u64| {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": size });
        stack.request(Method::POST, "/api/jetty/track-upload", account).header("Idempotency-Key", "start-1").json(&body)
    };
    let first = raw(start(&one, 1_000).send().await.unwrap()).await;
    assert_eq!((first.0, first.1), (201, false));
    assert!(raw(start(&one, 1_000).send().await.unwrap()).await == (201, true, first.2.clone()));
    let (status, body) = sent(start(&one, 1_001)).await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency-key-reused")));
    let (status, body) = sent(start(&two, 1_001)).await;
    assert_eq!(status, 201, "another account's key is another key: {body}");
    for account in [&one, &two] {
        let (_, body) = sent(stack.request(Method::GET, "/api/jetty/sessions?status=open", account)).await;
        assert_eq!(body["sessions"].as_array().unwrap().len(), 1, "{body}");
    }
    let token: Value = serde_json::from_slice(&first.2).unwrap();
    assert_eq!(sent(stack.chunk(&token, 1, &[7; 1_000])).await.0, 200, "the repeated answer's token is good");
    for bad in [&"x".repeat(256), "a,b", ""] {
        let body = json!({ "action": "start", "fileName": "a", "fileSize": 1 });
        let request = stack.request(Method::POST, "/api/jetty/track-upload", &one).header("Idempotency-Key", bad).json(&body);
        assert_eq!(sent(request).await.0, 400, "{bad:?}");
    }
    let longest = "x".repeat(255);
    let body = json!({ "action": "start", "fileName": "a", "fileSize": 1 });
    let request = stack.request(Method::POST, "/api/jetty/track-upload", &one).header("Idempotency-Key", &longest).json(&body);
    assert_eq!(sent(request).await.0, 201);
}

#[tokio::test]
async fn two_starts_at_once_under_one_key_are_one() {
    let stack = two_secrets().await;
    let account = stack.provisioned("key-race", "pro").await;
    let start = |key: &str| {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1_000 });
        stack.request(Method::POST, "/api/jetty/track-upload", &account).header("Idempotency-Key", key).json(&body)
    };
    let open = async || {
        let (_, body) = sent(stack.request(Method::GET, "/api/jetty/sessions?status=open", &account)).await;
        body["sessions"].as_array().unwrap().len()
    };
    let answers = at_once((0..10).map(|_| start("race"))).await;
    let run: Vec<_> = answers.iter().filter(|(status, _)| *status == 201).collect();
    assert!(!run.is_empty() && run.iter().all(|answer| *answer == run[0]), "{answers:?}");
    assert!(answers.iter().all(|(status, body)| *status == 201 || (*status == 409 && body["code"] == "request-running")), "{answers:?}");
    assert_eq!(open().await, 1);

    stack.proxy.inject(|method, target| (method == Method::POST && target.contains("users/key-race/")).then_some(Fault::Slow(2_000)));
    let slow = tokio::spawn(start("slow").send());
    tokio::time::sleep(Duration::from_millis(700)).await;
    let early = start("slow").send().await.unwrap();
    assert_eq!(early.headers()["retry-after"], "1");
    let (status, body) = answer(early).await;
    assert_eq!((status, &body["code"]), (409, &json!("request-running")));
    let first = answer(slow.await.unwrap().unwrap()).await;
    stack.proxy.heal();
    assert_eq!(first.0, 201);
    assert_eq!(sent(start("slow")).await, first);
    assert_eq!(open().await, 2);
}

#[tokio::test]
async fn an_idempotency_key_stores_one_file() {
    let stack = stack().await;
    let (one, two) = (stack.provisioned("file-one", "pro").await, stack.provisioned("file-two", "pro").await);
    let post = |account: &AccountAccess, key: &str| stack.request(Method::POST, "/api/storage/upload", account).header("Idempotency-Key", key);
    let send = |kind: &str, account: &AccountAccess, name: &str, body: &'static str| match kind {
        "raw" => post(account, kind).header("X-File-Name", name).body(body),
        _ => post(account, kind).multipart(Form::new().part("file", Part::bytes(body.as_bytes()).file_name(name.to_owned()))),
    };
    for (index, kind) in ["raw", "form"].into_iter().enumerate() {
        let upload = |account: &AccountAccess, name: &str, body: &'static str| send(kind, account, name, body);
        let (status, repeated, first) = raw(upload(&one, "a.txt", "abc").send().await.unwrap()).await;
        assert_eq!((status, repeated), (201, false));
        assert!(raw(upload(&one, "a.txt", "abc").send().await.unwrap()).await == (201, true, first.clone()));
        for (name, body) in [("b.txt", "abc"), ("a.txt", "abcd")] {
            let (status, answer) = sent(upload(&one, name, body)).await;
            assert_eq!((status, &answer["code"]), (422, &json!("idempotency-key-reused")), "{name} {body}");
        }
        let (status, others) = sent(upload(&two, "a.txt", "abc")).await;
        let first: Value = serde_json::from_slice(&first).unwrap();
        assert!(status == 201 && others["asset"]["id"] != first["asset"]["id"], "{others}");
        for account in [&one, &two] {
            let (_, list) = sent(stack.request(Method::GET, "/api/storage/files", account)).await;
            assert_eq!(list["files"].as_array().unwrap().len(), index + 1, "{list}");
        }
    }
    let hashed = |hash: String| send("raw", &one, "a.txt", "abc").header("X-Content-SHA256", hash);
    assert_eq!(sent(hashed(crate::stack::sha256(b"abc"))).await.1["code"], "idempotency-key-reused", "the declared hash is of the request");
    let (_, quota) = sent(stack.request(Method::GET, "/api/agentcache/quota", &one)).await;
    assert_eq!((&quota["storage_used_bytes"], &quota["storage_reserved_bytes"]), (&json!(6), &json!(0)), "paid once each");
    let racing = at_once((0..8).map(|_| post(&two, "race").header("X-File-Name", "r").body("race"))).await;
    assert!(racing.iter().all(|(status, body)| *status == 201 || (*status == 409 && body["code"] == "request-running")), "{racing:?}");
    let (_, list) = sent(stack.request(Method::GET, "/api/storage/files", &two)).await;
    assert_eq!(list["files"].as_array().unwrap().len(), 3, "{list}");
}

#[tokio::test]
async fn an_idempotency_key_creates_one_namespace() {
    let stack = stack().await;
    let create =
        |key: &str, body: Value| stack.operator(Method::POST, "/api/portal/namespaces").header("Idempotency-Key", key.to_owned()).json(&body);
    let plain = json!({ "name": "jt_customer_keyed", "display_name": "Keyed" });
    let first = raw(create("ns-1", plain.clone()).send().await.unwrap()).await;
    assert_eq!((first.0, first.1), (201, false), "{}", String::from_utf8_lossy(&first.2));
    assert!(raw(create("ns-1", plain.clone()).send().await.unwrap()).await == (201, true, first.2));
    let (status, body) = sent(create("ns-1", json!({ "name": "jt_customer_keyed", "display_name": "Other" }))).await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency-key-reused")));
    for _ in 0..2 {
        let (status, body) = sent(create("ns-2", plain.clone())).await;
        assert_eq!((status, &body["code"]), (409, &json!("already-exists")));
    }
    let gone = stack.operator(Method::DELETE, "/api/portal/namespaces/jt_customer_keyed").send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(sent(create("ns-2", plain)).await.0, 201, "a refusal is not kept");
    for bad in ["x".repeat(256), "a,b".to_owned()] {
        assert_eq!(sent(create(&bad, json!({ "name": "jt_customer_bad" }))).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_refused_start_may_be_tried_again_under_its_key() {
    let stack = stack().await;
    let account = stack.provisioned("key-refused", "starter").await;
    let start = || {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1_000 });
        stack.request(Method::POST, "/api/jetty/track-upload", &account).header("Idempotency-Key", "again").json(&body)
    };
    for _ in 0..2 {
        let (status, body) = sent(start()).await;
        assert_eq!((status, &body["code"]), (403, &json!("tier-forbidden")));
    }
    assert_eq!(stack.tell("/api/agentcache/upgrade", json!({ "user_id": "key-refused", "tier": "pro" })).await.0, 200);
    assert_eq!(sent(start()).await.0, 201);
}
