//! What the gateway lets pass, and how it passes it on.

use jettyspeed_devstack::proxy::Fault;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::gateway::fields::FIELD;
use jettyspeed_edge::gateway::pass::{Passage, VALID_MS};
use jettyspeed_edge::s3::action::Action;
use jettyspeed_edge::s3::operations::{get_object, head_object, list_parts};
use jettyspeed_edge::s3::request::{Location, SignedRequest, Store};
use jettyspeed_edge::s3::sigv4::signer::Signer;
use reqwest::header::HOST;
use reqwest::{Method, Response};

use crate::harness::{Stack, WithGateway, header, origin_access};

fn now() -> EpochMs {
    EpochMs(u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap())
}

/// As an edge signs it for the store behind the proxy.
async fn signed(stack: &Stack, action: &Action) -> SignedRequest {
    let access = origin_access().await;
    let signer = Signer::new(&access.access_key_id, &access.secret_access_key, &access.region, "s3");
    Store::new(Location::parse(&stack.proxy.url(), &access.bucket).unwrap(), signer).request(action, now())
}

/// Sends it to `base`, under the store's name.
async fn send(stack: &Stack, base: &str, request: &SignedRequest, pass: Option<&str>) -> Response {
    let store = stack.proxy.url();
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    let mut sent = stack.http.request(method, request.url.replace(&store, base)).header(HOST, store.trim_start_matches("http://"));
    for (name, value) in &request.headers {
        sent = sent.header(name, value);
    }
    if let Some(pass) = pass {
        sent = sent.header(FIELD, pass);
    }
    sent.send().await.unwrap()
}

fn pass_of(request: &SignedRequest, keys: &[MacKey], at: EpochMs) -> String {
    Passage { method: request.method, url: &request.url, kept: "" }.issue(keys, at).unwrap()
}

/// Status, the header fields that tell something of the object, and the body.
async fn told(response: Response) -> (u16, Vec<String>, Vec<u8>) {
    let names = ["content-length", "content-range", "content-type", "etag", "last-modified", "accept-ranges", "x-amz-request-id"];
    // Each answer has another request id.
    let fields = names.map(|name| if name.ends_with("-id") { header(&response, name).is_empty().to_string() } else { header(&response, name) });
    (response.status().as_u16(), fields.into(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn answers_of_the_store_arrive_as_they_are() {
    let with = WithGateway::start(&[]).await;
    let (stack, gateway, store) = (&with.stack, with.gateway.url(), with.stack.proxy.url());
    let file = stack.file(&stack.dev).name("a.bin").size(30_000).store().await;
    let mut conditional = get_object::get_object(&file.key, None);
    conditional.plain_headers.push(("if-none-match", "*".to_owned()));
    for (action, status) in [
        (get_object::get_object(&file.key, None), 200),
        (get_object::get_object(&file.key, Some((5, 9_999))), 206),
        (get_object::get_object(&file.key, Some((30_000, 30_001))), 416),
        (get_object::get_object("users/absent", None), 404),
        (head_object::head_object(&file.key), 200),
        (head_object::head_object("users/absent"), 404),
        (list_parts::list_parts(&file.key, "absent", None), 404),
        (conditional, 304),
    ] {
        let request = signed(stack, &action).await;
        let pass = pass_of(&request, &stack.token_keys(), now());
        let (direct, through) = (send(stack, &store, &request, None).await, send(stack, &gateway, &request, Some(&pass)).await);
        assert_eq!(header(&through, FIELD), "store", "{action:?}");
        let (direct, mut through) = (told(direct).await, told(through).await);
        if matches!(status, 304 | 404 | 416) {
            // Without a body the runtime tells no length; an error's has the request's id in it.
            through.2.clone_from(&direct.2);
            through.1[0].clone_from(&direct.1[0]);
        }
        assert_eq!(through, direct, "{action:?}");
        assert_eq!(direct.0, status, "{action:?}");
    }
    let request = signed(stack, &get_object::get_object(&file.key, None)).await;
    let pass = pass_of(&request, &stack.token_keys(), now());
    for (status, code) in [(503, "SlowDown"), (412, "PreconditionFailed"), (403, "SignatureDoesNotMatch"), (500, "InternalError")] {
        stack.proxy.inject(move |_, _| Some(Fault::Answer(status, code)));
        let (status_told, _, body) = told(send(stack, &gateway, &request, Some(&pass)).await).await;
        assert!(status_told == status && String::from_utf8_lossy(&body).contains(code), "{status_told} {code}");
    }
}

/// The store's own name in the URL, a signed request, and still: without an edge's pass it is a request like any.
#[tokio::test]
async fn request_without_a_valid_pass_is_404_and_the_store_does_not_hear_of_it() {
    let with = WithGateway::start(&[]).await;
    let (stack, gateway) = (&with.stack, with.gateway.url());
    let file = stack.file(&stack.dev).name("a.bin").size(300).store().await;
    let request = signed(stack, &get_object::get_object(&file.key, None)).await;
    let (keys, others) = (stack.token_keys(), [MacKey::new(b"another key of thirty-two letters")]);
    let good = pass_of(&request, &keys, now());
    let before = stack.proxy.seen("").len();
    let elsewhere = SignedRequest { url: request.url.replace(&stack.proxy.url(), "http://127.0.0.1:1"), ..request.clone() };
    let mut answers = Vec::new();
    for (base, request, pass) in [
        (&gateway, &request, None),
        (&gateway, &request, Some(pass_of(&request, &others, now()))),
        (&gateway, &request, Some(pass_of(&request, &keys, EpochMs(now().0 - VALID_MS - 5_000)))),
        (&gateway, &request, Some(pass_of(&request, &keys, EpochMs(now().0 + VALID_MS + 5_000)))),
        (&gateway, &request, Some(pass_of(&SignedRequest { method: "PUT", ..request.clone() }, &keys, now()))),
        (&gateway, &request, Some(pass_of(&elsewhere, &keys, now()))),
        (&gateway, &request, Some("1".repeat(4_000))),
        (&gateway, &request, Some(String::new())),
    ] {
        answers.push(send(stack, base, request, pass.as_deref()).await);
    }
    // A pass for the gateway's own name: it is a gateway to the store only.
    let own = SignedRequest { url: request.url.replace(&stack.proxy.url(), &gateway), ..request.clone() };
    answers.push(stack.http.get(&own.url).header(FIELD, pass_of(&own, &keys, now())).send().await.unwrap());
    let unknown = stack.http.get(format!("{gateway}/bucket/key")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let unknown: serde_json::Value = serde_json::from_slice(&unknown.bytes().await.unwrap()).unwrap();
    for answer in answers {
        assert!(answer.status() == 404 && header(&answer, FIELD).is_empty(), "{answer:?}");
        let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!((&body["code"], &body["title"]), (&unknown["code"], &unknown["title"]));
    }
    assert_eq!(stack.proxy.seen("").len(), before, "the store heard of none");
    assert_eq!(send(stack, &gateway, &request, Some(&good)).await.status(), 200);
}
