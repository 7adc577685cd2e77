//! Parts that are refused: with the right status, and nothing of them recorded.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Call, action, answer, random_bytes, sha256, stack};
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::time::EpochMs;

struct Case {
    started: Value,
    bytes: Vec<u8>,
}

async fn case() -> Case {
    let bytes = random_bytes(10_000_500);
    Case { started: stack().await.session(&stack().await.dev).size(bytes.len()).start().await, bytes }
}

impl Case {
    fn session(&self) -> &str {
        self.started["sessionId"].as_str().unwrap()
    }

    /// A valid request for the last part, to be changed.
    async fn last(&self) -> RequestBuilder {
        stack().await.chunk(&self.started, 2, &self.bytes[10_000_000..])
    }

    async fn refused(&self, request: RequestBuilder, status: u16, code: &str) -> Value {
        let stack = stack().await;
        let body = request.sent().await.unwrap();
        let (got, body) = answer(body).await;
        assert_eq!((got, body["code"].as_str().unwrap_or_default()), (status, code), "{body}");
        let state = stack.session_state(&stack.dev, self.session()).await;
        assert_eq!(state["completed"], json!([]), "nothing is recorded");
        body
    }
}

#[tokio::test]
async fn wrong_length_returns_400_and_part_outside_plan_422() {
    let case = case().await;
    let stack = stack().await;
    let body = case.refused(case.last().await.body(vec![0; 499]), 400, "length-mismatch").await;
    assert_eq!((&body["expected"], &body["actual"]), (&json!(500), &json!(499)));
    case.refused(case.last().await.body(Vec::new()), 400, "length-mismatch").await;
    for outside in ["0", "3", "10001"] {
        let body = case.refused(case.last().await.replace_header("X-Part-Number", outside), 422, "part-outside-plan").await;
        assert_eq!(body["limit"], 2);
    }
    case.refused(case.last().await.replace_header("X-Part-Number", "two"), 422, "invalid-value").await;
    let too_large = stack.chunk(&case.started, 1, b"").without_sending_body(100_000_001);
    case.refused(too_large, 413, "body-too-large").await;
}

#[tokio::test]
async fn missing_or_wrong_chunk_hash_returns_422() {
    let case = case().await;
    case.refused(case.last().await.replace_header("X-Chunk-SHA256", &sha256(b"other")), 422, "chunk-hash-mismatch").await;
    case.refused(case.last().await.replace_header("X-Chunk-SHA256", "abc"), 422, "invalid-value").await;
    let (client, request) = case.last().await.build_split();
    let mut request = request.unwrap();
    request.headers_mut().remove("X-Chunk-SHA256");
    case.refused(RequestBuilder::from_parts(client, request), 422, "chunk-hash-required").await;
    // One flipped bit on the way, in a part of full size.
    let stack = stack().await;
    let mut corrupted = case.bytes[..10_000_000].to_vec();
    corrupted[7_654_321] ^= 1;
    let request = stack.chunk(&case.started, 1, &case.bytes[..10_000_000]).body(corrupted);
    case.refused(request, 422, "chunk-hash-mismatch").await;
}

#[tokio::test]
async fn wrong_expired_or_foreign_upload_token_returns_401() {
    let case = case().await;
    let stack = stack().await;
    let token = case.started["uploadToken"].as_str().unwrap();
    case.refused(case.last().await.replace_header("X-Upload-Token", "jtu1.e30.AAAA"), 401, "unauthenticated").await;
    case.refused(case.last().await.replace_header("X-Upload-Token", &format!("{token}A")), 401, "unauthenticated").await;
    let claims = UploadClaims::open(token, &stack.token_keys(), EpochMs(0)).unwrap();
    let expired = UploadClaims { expires: EpochMs(1), ..claims.clone() }.seal(&stack.token_keys()).unwrap();
    case.refused(case.last().await.replace_header("X-Upload-Token", &expired), 401, "token-expired").await;
    let foreign = claims.seal(&[MacKey::new(b"another deployment's key")]).unwrap();
    case.refused(case.last().await.replace_header("X-Upload-Token", &foreign), 401, "unauthenticated").await;

    let other = stack.session(&stack.dev).size(500).start().await;
    let others_token = other["uploadToken"].as_str().unwrap();
    let named = case.last().await.replace_header("X-Upload-Id", case.session());
    case.refused(named.replace_header("X-Upload-Token", others_token), 401, "token-of-another-upload").await;
    let put = stack.anonymous(Method::PUT, &format!("/api/jetty-speed/{}/1", case.session()));
    let put = put.header("X-Upload-Token", others_token).header("X-Chunk-SHA256", sha256(&[1; 500])).body(vec![1; 500]);
    case.refused(put, 401, "token-of-another-upload").await;
    case.refused(case.last().await.replace_header("X-Namespace", "jt_user_other"), 422, "invalid-value").await;

    let nobody = stack.anonymous(Method::POST, "/api/jetty-speed/chunk").body(vec![1; 500]);
    case.refused(nobody, 401, "unauthenticated").await;
    let stranger = stack.request(Method::PUT, &format!("/api/jetty-speed/{}/2", case.session()), &stack.other);
    case.refused(stranger.header("X-Chunk-SHA256", sha256(&[1; 500])).body(vec![1; 500]), 404, "not-found").await;
}

#[tokio::test]
async fn part_of_failed_or_completed_upload_returns_410() {
    let stack = stack().await;
    let bytes = random_bytes(700);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let id = &started["sessionId"];
    let uploads = stack.bucket.open_upload_ids().await;
    assert!(uploads.contains(&started["uploadId"].as_str().unwrap().to_owned()));
    for _ in 0..2 {
        let (status, body) = stack.track(&stack.dev, json!({ "action": "fail", "sessionId": id })).await;
        assert_eq!((status, &body["status"]), (200, &json!("failed")));
    }
    assert!(!stack.bucket.open_upload_ids().await.contains(&started["uploadId"].as_str().unwrap().to_owned()), "aborted at the store");
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!((status, body["code"].as_str().unwrap()), (410, "upload-closed"));
    let (status, body) = stack.track(&stack.dev, json!({ "action": "complete", "sessionId": id })).await;
    assert_eq!((status, &body["uploadStatus"]), (410, &json!("failed")));
    assert_eq!(stack.session_state(&stack.dev, id.as_str().unwrap()).await["status"], "failed");

    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let complete = action("complete", &started);
    assert_eq!(stack.track(&stack.dev, complete).await.0, 200);
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!((status, body["code"].as_str().unwrap()), (410, "upload-closed"));
    let (status, body) = stack.track(&stack.dev, action("fail", &started)).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (409, "already-complete"));
}
