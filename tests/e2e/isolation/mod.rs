//! Another customer's resource and an absent one give identical answers: every route is called by a second account, first with the owner's names, then with
//! absent names of the same form.

mod probes;

use probes::{Credentials, Names, probes};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::harness::{Call, Stack, random_bytes, sha256, stack, unique};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::access::authorize::AuthScheme;
use jettyspeed_edge::access::routes::ROUTES;

/// Everything of an answer that the caller can compare, without the names that the caller sent. The steps taken are those in Server-Timing.
#[derive(Debug, PartialEq)]
struct Observed {
    status: u16,
    headers: BTreeMap<String, String>,
    steps: Vec<String>,
    body: String,
}

async fn observe(request: RequestBuilder, names: &Names) -> (Observed, String) {
    let response = request.sent().await.unwrap();
    let status = response.status().as_u16();
    let timing = response.headers()["server-timing"].to_str().unwrap().to_owned();
    // Whether the account's lookup is cached depends on earlier requests.
    let steps = timing.split(", ").map(|step| step.split(';').next().unwrap().to_owned()).filter(|step| step != "auth").collect();
    let varying = ["x-request-id", "server-timing", "date", "ratelimit", "content-length"];
    let mut headers: BTreeMap<_, _> = response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.retain(|name, _| !varying.contains(&name.as_str()));
    let text = response.text().await.unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId");
        // Edge metrics change while this runs and belong to no account.
        fields.remove("edges");
        fields.remove("assignments");
        // Random for every new upload.
        let of_upload = ["sessionId", "uploadId", "uploadToken", "expiresAt"].as_slice();
        // Random for every new session of a browser, as is its cookie.
        let of_browser = ["id", "expires_at"].as_slice();
        let drawn = if headers.remove("set-cookie").is_some() { of_browser } else { of_upload };
        for drawn in drawn.iter().filter(|_| status == 201) {
            assert!(fields.remove(*drawn).is_some(), "{drawn} in {text}");
        }
    }
    let body = [&names.session, &names.upload_id, &names.asset, &names.namespace, &names.user]
        .into_iter()
        .fold(body.to_string(), |body, name| body.replace(name.as_str(), "NAME"));
    (Observed { status, headers, steps, body }, text)
}

/// A customer with a file and an upload of every kind.
struct Victim {
    account: AccountAccess,
    things: Vec<Names>,
    /// Everything of the victim's that nobody else may read.
    private: Vec<String>,
}

impl Victim {
    async fn new(stack: &Stack) -> Victim {
        let account = stack.account(&unique("victim-")).tier("enterprise").create().await;
        let shared = stack.namespace(&unique("jt_customer_victims-")).member(&account).create().await;
        let mut private = vec![account.user_id.clone(), account.namespace.clone(), shared.clone()];
        let mut things = Vec::new();
        for (ending, namespace) in [("complete", &account.namespace), ("fail", &shared), ("open", &account.namespace)] {
            let bytes = random_bytes(700);
            let name = unique("secret-plans-");
            let started = stack.session(&account).name(&name).size(700).hash(&sha256(&bytes)).namespace(namespace).start().await;
            stack.send_all_parts(&started, &bytes).await;
            if ending != "open" {
                let (status, body) = stack.track(&account, json!({ "action": ending, "sessionId": started["sessionId"] })).await;
                assert_eq!(status, 200, "{body}");
                if ending == "complete" {
                    stack.verified(&account, body["asset"]["id"].as_str().unwrap()).await;
                }
            }
            let upload = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", &name).header("X-Namespace", namespace);
            let (status, stored) = upload.body("hello").answer().await;
            assert_eq!(status, 201, "{stored}");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let of = Names {
                session: text(&started["sessionId"]),
                upload_id: text(&started["uploadId"]),
                asset: text(&stored["asset"]["id"]),
                namespace: namespace.clone(),
                user: account.user_id.clone(),
                hash: sha256(&bytes),
            };
            private.extend([of.session.clone(), of.upload_id.clone(), of.asset.clone(), name, text(&stored["asset"]["s3Key"])]);
            things.push(of);
        }
        Victim { account, things, private }
    }

    /// Everything that the victim and the operator can read of it.
    async fn seen(&self, stack: &Stack) -> Vec<Value> {
        let mut seen = Vec::new();
        for names in &self.things {
            let mut state = stack.session_state(&self.account, &names.session).await;
            // Every answer has a fresh one.
            state["uploadToken"].take();
            seen.push(state);
            for path in [format!("/api/storage/files/{}", names.asset), format!("/api/portal/namespaces/{}", names.namespace)] {
                seen.push(stack.get(&self.account, &path).await.1);
            }
            let namespace = stack.operator(Method::GET, &format!("/api/portal/namespaces/{}", names.namespace));
            seen.push(namespace.answer().await.1);
        }
        for path in ["/api/storage/files", "/api/jetty/sessions?status=open", "/api/jetty/sessions?status=failed", "/api/agentcache/quota"] {
            let (status, body) = stack.get(&self.account, path).await;
            assert_eq!(status, 200, "the victim's credentials still work");
            seen.push(body);
        }
        seen
    }
}

/// Names of the same shape as `names` that do not exist.
fn absent(names: &Names) -> Names {
    let other = |text: &str| {
        let digits: Vec<char> = sha256(text.as_bytes()).chars().collect();
        // The last eight hex digits make names unique (see `unique`); in ids any digit may change but version and variant.
        let at = text.len() - 8;
        text.char_indices().map(|(index, c)| if index >= at && c.is_ascii_alphanumeric() { digits[index % digits.len()] } else { c }).collect()
    };
    Names {
        session: other(&names.session),
        upload_id: other(&names.upload_id),
        asset: other(&names.asset),
        namespace: other(&names.namespace),
        user: other(&names.user),
        hash: other(&names.hash),
    }
}

#[tokio::test]
async fn foreign_and_absent_names_return_the_same_answer() {
    let stack = stack().await;
    let victim = Victim::new(stack).await;
    let stranger = stack.account(&unique("stranger-")).tier("enterprise").create().await;
    let token = stack.session(&stranger).size(5).start().await["uploadToken"].as_str().unwrap().to_owned();
    let before = victim.seen(stack).await;
    let (mut requests, mut statuses) = (0, BTreeMap::new());
    for names in &victim.things {
        let nothing = absent(names);
        for route in ROUTES {
            for credentials in [Credentials::Account(stranger.clone()), Credentials::Token(token.clone())] {
                for (there, gone) in probes(route, names).into_iter().zip(probes(route, &nothing)) {
                    let (got, text) = observe(credentials.sign(there.request(stack), stack), names).await;
                    let (expected, _) = observe(credentials.sign(gone.request(stack), stack), &nothing).await;
                    assert_eq!(got, expected, "{credentials:?} {there:?}");
                    requests += 2;
                    *statuses.entry(got.status).or_insert(0) += 1;
                    let asked = format!("{there:?}");
                    let leaked = victim.private.iter().find(|thing| text.contains(*thing) && (got.status < 400 || !asked.contains(*thing)));
                    assert_eq!(leaked, None, "{there:?}: {text}");
                }
            }
        }
    }
    assert!(requests >= 200, "{requests} requests");
    for (status, least) in [(200, 10), (401, 50), (404, 50)] {
        assert!(statuses.get(&status).copied().unwrap_or(0) >= least, "{statuses:?}");
    }
    assert!(statuses.keys().all(|status| [200, 201, 401, 404, 422].contains(status)), "{statuses:?}");
    assert_eq!(victim.seen(stack).await, before, "nothing of the victim's has changed");
}

#[tokio::test]
async fn insufficient_credentials_return_401_on_every_route() {
    let stack = stack().await;
    let account = stack.account(&unique("proof-")).tier("enterprise").create().await;
    let started = stack.session(&account).size(5).start().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = Names {
        session: text(&started["sessionId"]),
        upload_id: text(&started["uploadId"]),
        asset: "00000000-0000-4000-8000-000000000000".into(),
        namespace: account.namespace.clone(),
        user: account.user_id.clone(),
        hash: sha256(b"hello"),
    };
    let nothing = absent(&names);
    let everyone = [
        Credentials::Nothing,
        Credentials::Account(account.clone()),
        Credentials::Mixed(account.clone(), stack.dev.clone()),
        Credentials::Token(text(&started["uploadToken"])),
        Credentials::Token("jtu1.e30.AAAA".into()),
        Credentials::Webhook,
        Credentials::Operator,
    ];
    let mut refused = 0;
    for route in ROUTES {
        for credentials in &everyone {
            let forged = matches!(credentials, Credentials::Token(token) if token.contains("e30"));
            if credentials.suffice(route.scheme) && !(forged && route.scheme == AuthScheme::TokenOrAccount) {
                continue;
            }
            for (one, two) in probes(route, &names).into_iter().zip(probes(route, &nothing)) {
                let (got, text) = observe(credentials.sign(one.request(stack), stack), &names).await;
                assert_eq!(got.status, 401, "{credentials:?} {one:?}: {text}");
                assert!(got.headers["www-authenticate"].starts_with("Bearer"), "{got:?}");
                assert!(one.method == "HEAD" || text.contains("\"code\":\"unauthenticated\""), "{one:?}: {text}");
                let (other, _) = observe(credentials.sign(two.request(stack), stack), &nothing).await;
                assert_eq!(got, other, "whatever is named: {one:?}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 200, "{refused}");
    assert_eq!(stack.session_state(&account, &names.session).await["status"], "uploading", "nothing has happened to it");
}

/// A token names its file: it opens no other, and changing a claim makes it invalid.
#[tokio::test]
async fn content_token_opens_only_its_own_file() {
    let stack = stack().await;
    let victim = Victim::new(stack).await;
    let stranger = stack.account(&unique("stranger-")).tier("enterprise").create().await;
    let upload = stack.request(Method::POST, "/api/storage/upload", &stranger).header("X-File-Name", "own.txt").body("own bytes");
    let (_, stored) = upload.answer().await;
    let download = format!("/api/storage/download?assetId={}", stored["asset"]["id"].as_str().unwrap());
    let (status, body) = stack.get(&stranger, &download).await;
    assert_eq!(status, 200, "{body}");
    let url = body["url"].as_str().unwrap();
    assert_eq!(stack.http.get(url).sent().await.unwrap().text().await.unwrap(), "own bytes");
    let token = url.split("/files/").nth(1).unwrap().split('/').next().unwrap();
    let parts: Vec<_> = token.split('.').collect();
    for names in &victim.things {
        // The name in the path is ignored: the token says which file.
        let named = stack.anonymous(Method::GET, &format!("/files/{token}/{}", names.asset));
        assert_eq!(named.sent().await.unwrap().text().await.unwrap(), "own bytes");
        let claims = json!({ "n": names.namespace, "a": names.asset, "e": 9_000_000_000_000_u64 }).to_string();
        let claims = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
        for forged in [format!("{}.{claims}.{}", parts[0], parts[2]), format!("{}.{claims}.", parts[0]), format!("{}.{claims}", parts[0])] {
            let request = stack.request(Method::GET, &format!("/files/{forged}/a"), &stranger).with_new_address();
            let (status, body) = request.answer().await;
            assert_eq!((status, body["code"].as_str()), (401, Some("unauthenticated")), "{body}");
        }
        // The stable URL needs the owner.
        let path = format!("/files/{}/a", names.asset);
        assert_eq!(stack.get(&stranger, &path).await.0, 404);
        assert_eq!(stack.anonymous(Method::GET, &path).with_new_address().answer().await.0, 401);
        assert_eq!(stack.request(Method::GET, &path, &victim.account).sent().await.unwrap().text().await.unwrap(), "hello");
    }
}
