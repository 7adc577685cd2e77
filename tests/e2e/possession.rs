//! Deduplication across namespaces: only where both opt in, only with a proof of possession, and without telling whose bytes they are.

use hmac::{Hmac, KeyInit, Mac};
use jettyspeed_client::{UploadOptions, no_progress, upload};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Call, Stack, action, random_bytes, random_file, sha256, stack, unique};

/// A namespace with one member.
struct Customer {
    account: AccountAccess,
    namespace: String,
}

impl Customer {
    async fn new(stack: &Stack, takes_part: bool) -> Customer {
        let account = stack.account(&unique("customer-")).tier("enterprise").create().await;
        let namespace = stack.namespace(&unique("jt_customer_")).field("cross_namespace_dedup", json!(takes_part)).member(&account).create().await;
        Customer { account, namespace }
    }

    fn start(&self, name: &str, bytes: &[u8]) -> Value {
        json!({ "action": "start", "fileName": name, "fileSize": bytes.len(), "fileHash": sha256(bytes), "namespace": self.namespace })
    }

    async fn starts(&self, stack: &Stack, name: &str, bytes: &[u8]) -> (u16, Value) {
        stack.track(&self.account, self.start(name, bytes)).await
    }

    async fn answers(&self, stack: &Stack, name: &str, bytes: &[u8], proof: &str) -> (u16, Value) {
        let mut body = self.start(name, bytes);
        body["proof"] = json!(proof);
        stack.track(&self.account, body).await
    }

    /// Uploads and waits for verification: the asset.
    async fn stores(&self, stack: &Stack, bytes: &[u8]) -> Value {
        self.claims(stack, bytes, &sha256(bytes)).await
    }

    async fn claims(&self, stack: &Stack, bytes: &[u8], hash: &str) -> Value {
        let session = stack.session(&self.account).name("own.bin").size(bytes.len()).hash(hash).namespace(&self.namespace);
        let started = session.start().await;
        stack.send_all_parts(&started, bytes).await;
        let (status, done) = stack.track(&self.account, action("complete", &started)).await;
        assert_eq!(status, 200, "{done}");
        stack.verified(&self.account, done["asset"]["id"].as_str().unwrap()).await
    }

    async fn files(&self, stack: &Stack) -> usize {
        let (_, body) = stack.get(&self.account, "/api/storage/files").await;
        body["files"].as_array().unwrap().len()
    }

    async fn deletes(&self, stack: &Stack, asset: &Value) {
        let path = format!("/api/storage/files/{}", asset["id"].as_str().unwrap());
        assert_eq!(stack.request(Method::DELETE, &path, &self.account).answer().await.0, 204);
    }
}

/// HMAC-SHA-256 over the ranges, as an independent implementation of the protocol.
fn proof_of(challenge: &Value, bytes: &[u8], key: &[u8], left_out: usize) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for range in challenge["ranges"].as_array().unwrap() {
        let at = |index: usize| usize::try_from(range[index].as_u64().unwrap()).unwrap();
        mac.update(&bytes[at(0)..=at(1) - left_out]);
    }
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn proof(challenge: &Value, bytes: &[u8]) -> String {
    proof_of(challenge, bytes, challenge["nonce"].as_str().unwrap().as_bytes(), 0)
}

/// Fails reads of that key.
fn fail_reads_of(stack: &Stack, key: &str) {
    let key = key.to_owned();
    stack.proxy.inject(move |method, target| (*method == Method::GET && target.contains(&key)).then_some(Fault::Answer(503, "SlowDown")));
}

fn challenge((status, body): (u16, Value)) -> Value {
    assert_eq!(status, 202, "{body}");
    body["challenge"].clone()
}

fn assert_proof_refused((status, body): (u16, Value)) {
    assert_eq!((status, &body["code"]), (422, &json!("proof-refused")), "{body}");
}

#[tokio::test]
async fn correct_proof_returns_duplicate_without_sending_the_bytes() {
    let stack = stack().await;
    let (alice, bob) = (Customer::new(stack, true).await, Customer::new(stack, true).await);
    let bytes = random_bytes(300_000);
    let asset = alice.stores(stack, &bytes).await;
    let key = asset["s3Key"].as_str().unwrap();
    let reads = || stack.proxy.seen(key).into_iter().filter(|seen| seen.method == "GET").count();
    let before = reads();

    let asked = challenge(bob.starts(stack, "mine.bin", &bytes).await);
    assert_eq!((asked["nonce"].as_str().unwrap().len(), asked["ranges"].as_array().unwrap().len()), (64, 32), "{asked}");
    let (status, found) = bob.answers(stack, "mine.bin", &bytes, &proof(&asked, &bytes)).await;
    assert_eq!((status, &found["duplicate"], &found["asset"]["name"]), (200, &json!(true), &json!("mine.bin")), "{found}");
    assert_eq!((&found["asset"]["namespace"], &found["asset"]["sha256"]), (&json!(bob.namespace), &json!(sha256(&bytes))));
    assert_eq!(reads() - before, 32, "the server reads the ranges itself, and nothing else");
    let mine = &found["asset"];
    let path = format!("/files/{}/mine.bin", mine["id"].as_str().unwrap());
    assert!(stack.request(Method::GET, &path, &bob.account).sent().await.unwrap().bytes().await.unwrap() == bytes);

    // Concurrent or repeated starts under the same name give one asset.
    let twice = futures_util::future::join_all((0..4).map(|_| bob.starts(stack, "again.bin", &bytes))).await;
    let ids: std::collections::BTreeSet<String> = twice.iter().map(|(_, body)| body["asset"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ids.len(), bob.starts(stack, "again.bin", &bytes).await.1["asset"]["id"].as_str()), (1, ids.first().map(String::as_str)));
    assert_eq!((bob.starts(stack, "mine.bin", &bytes).await.1["asset"]["id"].as_str(), bob.files(stack).await), (mine["id"].as_str(), 2));
    bob.deletes(stack, &twice[0].1["asset"]).await;

    // A repeated proof returns the same asset; another member of the namespace need not prove anything; the ledger is right.
    let (status, again) = bob.answers(stack, "mine.bin", &bytes, &proof(&asked, &bytes)).await;
    assert_eq!((status, &again["asset"]["id"]), (200, &mine["id"]), "{again}");
    let colleague = stack.account(&unique("colleague-")).tier("pro").create().await;
    stack.add_member(&bob.namespace, &colleague.user_id).await;
    let (status, third) = stack.track(&colleague, bob.start("theirs.bin", &bytes)).await;
    assert_eq!((status, &third["duplicate"]), (200, &json!(true)), "{third}");
    let body = json!({ "fileHash": sha256(&bytes), "fileSize": bytes.len() });
    let (_, checked) = stack.request(Method::POST, "/api/jetty/check-duplicate", &bob.account).json(&body).answer().await;
    assert_eq!((&checked["duplicate"], &checked["asset"]["id"]), (&json!(true), &mine["id"]));
    let (_, quota) = stack.get(&bob.account, "/api/agentcache/quota").await;
    assert_eq!((&quota["storage_used_bytes"], &quota["storage_reserved_bytes"]), (&json!(300_000), &json!(0)));

    // No answer tells whose bytes they are.
    let download = format!("/api/storage/download?direct=1&assetId={}", mine["id"].as_str().unwrap());
    let used = || async {
        let (_, quota) = stack.get(&bob.account, "/api/agentcache/quota").await;
        quota["bandwidth_used_bytes"].as_u64().unwrap()
    };
    let paid = used().await;
    let (status, urls) = stack.get(&bob.account, &download).await;
    assert_eq!(used().await, paid, "a URL that is not given is not billed");
    // The ETag does not tell in how many parts the other customer sent it.
    let etag = |path: String, account: AccountAccess| async move {
        let head = stack.request(Method::HEAD, &path, &account).sent().await.unwrap();
        (head.status().as_u16(), head.headers()["etag"].to_str().unwrap().to_owned())
    };
    let of_alice = etag(format!("/files/{}/a", asset["id"].as_str().unwrap()), alice.account.clone()).await;
    let of_bob = etag(path.clone(), bob.account.clone()).await;
    assert!(of_alice.0 == 200 && of_bob.0 == 200 && of_alice.1 != of_bob.1, "{of_alice:?} {of_bob:?}");
    assert_eq!((status, urls["candidates"].as_array().unwrap().len()), (200, 1), "the store's own URL would tell: {urls}");
    let (_, file) = stack.get(&bob.account, &format!("/api/storage/files/{}", mine["id"].as_str().unwrap())).await;
    for told in [&asked, &found, &again, &third, &checked, &urls, &file] {
        let text = told.to_string();
        for private in [&alice.account.user_id, &alice.namespace, &asset["id"].as_str().unwrap().to_owned(), &key.to_owned()] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }
    assert_eq!(file["asset"]["s3Key"], Value::Null);

    // Deleting one asset leaves the others.
    alice.deletes(stack, &asset).await;
    assert!(stack.request(Method::GET, &path, &bob.account).sent().await.unwrap().bytes().await.unwrap() == bytes);
    bob.deletes(stack, mine).await;
    assert!(stack.bucket.get(key).await.is_some(), "the colleague still has it");
    assert_eq!(
        stack.request(Method::DELETE, &format!("/api/storage/files/{}", third["asset"]["id"].as_str().unwrap()), &colleague).answer().await.0,
        204
    );
    stack.bucket.wait_until_deleted(key).await;
}

#[tokio::test]
async fn proof_keyed_by_text_or_binary_nonce_is_accepted_for_any_size() {
    let stack = stack().await;
    let (alice, bob) = (Customer::new(stack, true).await, Customer::new(stack, true).await);
    for (index, size) in [(0, 1_usize), (1, 32_768), (2, 32_769), (3, 5_000_000)] {
        let bytes = random_bytes(size);
        alice.stores(stack, &bytes).await;
        let asked = challenge(bob.starts(stack, "a", &bytes).await);
        let nonce = asked["nonce"].as_str().unwrap();
        let decoded: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&nonce[2 * at..2 * at + 2], 16).unwrap()).collect();
        let key = if index % 2 == 0 { nonce.as_bytes() } else { &decoded };
        let proof = proof_of(&asked, &bytes, key, usize::from(index == 3));
        let (status, body) = bob.answers(stack, "a", &bytes, &proof).await;
        assert_eq!((status, &body["duplicate"]), (200, &json!(true)), "{size}: {body}");
    }
}

#[tokio::test]
async fn proof_without_the_bytes_returns_422() {
    // A stack of its own: faults are injected.
    let stack = &Stack::start(&[]).await;
    let (alice, mallory, eve) = (Customer::new(stack, true).await, Customer::new(stack, true).await, Customer::new(stack, true).await);
    let bytes = random_bytes(200_000);
    let stored = alice.stores(stack, &bytes).await;

    // A stolen hash: a guess, then the right proof for a challenge that the guess has used up, then a proof with half of the bytes.
    let asked = challenge(mallory.starts(stack, "stolen.bin", &bytes).await);
    let right = proof(&asked, &bytes);
    assert_proof_refused(mallory.answers(stack, "stolen.bin", &bytes, &sha256(b"guess")).await);
    assert_proof_refused(mallory.answers(stack, "stolen.bin", &bytes, &right).await);
    let mut most = bytes.clone();
    most[100_000..].fill(0);
    let asked = challenge(mallory.starts(stack, "stolen.bin", &bytes).await);
    assert_proof_refused(mallory.answers(stack, "stolen.bin", &bytes, &proof(&asked, &most)).await);
    // A proof for an earlier challenge.
    let first = challenge(mallory.starts(stack, "stolen.bin", &bytes).await);
    let second = challenge(mallory.starts(stack, "stolen.bin", &bytes).await);
    assert_ne!(first["nonce"], second["nonce"]);
    assert_proof_refused(mallory.answers(stack, "stolen.bin", &bytes, &proof(&first, &bytes)).await);
    // After three wrong proofs a day there are no more challenges: the bytes have to be sent.
    assert_eq!(mallory.starts(stack, "stolen.bin", &bytes).await.0, 201);
    assert_proof_refused(mallory.answers(stack, "stolen.bin", &bytes, &proof(&second, &bytes)).await);

    // Another account's challenge, another size, another namespace; the proof stays valid where it belongs.
    let of_eve = challenge(eve.starts(stack, "a", &bytes).await);
    assert_proof_refused(mallory.answers(stack, "stolen.bin", &bytes, &proof(&of_eve, &bytes)).await);
    let mut own = json!({ "action": "start", "fileName": "a", "fileSize": bytes.len(), "fileHash": sha256(&bytes), "proof": proof(&of_eve, &bytes) });
    assert_proof_refused(stack.track(&eve.account, own.clone()).await);
    own["namespace"] = json!(eve.namespace);
    own["fileSize"] = json!(bytes.len() - 1);
    assert_proof_refused(stack.track(&eve.account, own.clone()).await);
    own["fileSize"] = json!(bytes.len());
    // A store fault does not use up the challenge.
    let key = stored["s3Key"].as_str().unwrap().to_owned();
    fail_reads_of(stack, &key);
    let (status, body) = stack.track(&eve.account, own.clone()).await;
    stack.proxy.clear_faults();
    assert_eq!((status, &body["code"]), (503, &json!("origin-unavailable")), "{body}");
    let (status, body) = stack.track(&eve.account, own.clone()).await;
    assert_eq!((status, &body["duplicate"]), (200, &json!(true)), "{body}");
    // A replayed proof: after the file is deleted, its proof is refused.
    eve.deletes(stack, &body["asset"]).await;
    assert_proof_refused(stack.track(&eve.account, own).await);
    // A challenge is not stored under the Idempotency-Key.
    for _ in 0..2 {
        let keyed = stack.request(Method::POST, "/api/jetty/track-upload", &eve.account).header("Idempotency-Key", "one-for-the-file");
        challenge(keyed.json(&eve.start("late", &bytes)).answer().await);
    }
    // An expired challenge.
    let late = challenge(eve.starts(stack, "late", &bytes).await);
    stack.sql(&format!("UPDATE challenges SET expires_at = 1 WHERE id = '{}'", late["id"].as_str().unwrap())).await;
    assert_proof_refused(eve.answers(stack, "late", &bytes, &proof(&late, &bytes)).await);
    for malformed in ["", "xyz"] {
        let (status, body) = eve.answers(stack, "late", &bytes, malformed).await;
        assert_eq!((status, &body["field"]), (422, &json!("proof")));
    }
    assert_eq!((mallory.files(stack).await, eve.files(stack).await), (0, 0));

    // An unknown hash starts an upload; so does one that was claimed falsely, and the real one of falsely claimed bytes.
    assert_eq!(mallory.starts(stack, "guessed", &random_bytes(100)).await.0, 201);
    let (junk, coveted) = (random_bytes(5_000), random_bytes(5_000));
    assert_eq!(alice.claims(stack, &junk, &sha256(&coveted)).await["verification"], "mismatch");
    assert_eq!(mallory.starts(stack, "false", &coveted).await.0, 201);
    assert_eq!(mallory.starts(stack, "junk", &junk).await.0, 201);
}

#[tokio::test]
async fn namespace_without_cross_dedup_gets_no_challenge() {
    let stack = stack().await;
    let (open, closed) = (Customer::new(stack, true).await, Customer::new(stack, false).await);
    let (of_open, of_closed) = (random_bytes(50_000), random_bytes(50_000));
    open.stores(stack, &of_open).await;
    closed.stores(stack, &of_closed).await;
    assert_eq!(open.starts(stack, "a", &of_closed).await.0, 201, "the one that has them does not");
    assert_eq!(closed.starts(stack, "a", &of_open).await.0, 201, "the one that wants them does not");
    let third = Customer::new(stack, true).await;
    let asked = challenge(third.starts(stack, "a", &of_open).await);
    let path = format!("/api/portal/namespaces/{}", open.namespace);
    let leave = stack.operator(Method::PATCH, &path).json(&json!({ "cross_namespace_dedup": false }));
    assert_eq!(leave.answer().await.0, 200);
    let (status, body) = third.answers(stack, "a", &of_open, &proof(&asked, &of_open)).await;
    assert_eq!((status, &body["missingParts"]), (201, &json!([1])), "whoever left meanwhile has left: {body}");
}

#[tokio::test]
async fn client_library_answers_the_challenge_and_sends_no_bytes() {
    let stack = stack().await;
    let (alice, bob) = (Customer::new(stack, true).await, Customer::new(stack, true).await);
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "common.bin", 12_000_000);
    let options = |customer: &Customer| UploadOptions { namespace: Some(customer.namespace.clone()), ..UploadOptions::default() };
    let first = upload(&stack.edge(&alice.account), &path, &options(&alice), no_progress()).await.unwrap();
    stack.verified(&alice.account, &first.asset.id).await;
    let second = upload(&stack.edge(&bob.account), &path, &options(&bob), no_progress()).await.unwrap();
    assert_eq!((second.bytes_sent, second.bytes_saved, second.asset.s3_key.as_str()), (0, 12_000_000, ""));
    let url = stack.edge(&bob.account).download_url(&second.asset.id).await.unwrap();
    assert!(stack.http.get(url).sent().await.unwrap().bytes().await.unwrap() == bytes);
}

/// The Worker's steps since byte `from` of its log: every call to D1, to a Durable Object, to the store. Without the rows that D1 read, which an index with and
/// without a match differ in, and those of Durable Objects, which a ledger writes at times of its own.
fn logged_steps(log: &std::path::Path, from: usize) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap();
    // The measurements of edges are read every few seconds, by whichever request comes then.
    let periodic = |line: &str| line.contains("\"kind\":\"kv\",\"what\":\"list\"");
    let steps = text[from..].lines().filter(|line| line.contains("\"event\":\"step\"") && !line.contains("\"rowsRead\"") && !periodic(line));
    let untraced = |line: &str| {
        let mut step: Value = serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap();
        // Drawn for each request.
        step.as_object_mut().unwrap().remove("traceId");
        step.to_string()
    };
    steps.map(untraced).collect()
}

/// The Worker makes the same calls for bytes that do not exist and for those of a namespace that the caller cannot use.
#[tokio::test]
async fn foreign_hash_and_absent_hash_cause_identical_work() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let log = stack.worker.lock().await.log();
    let (alice, stranger, partaker) = (Customer::new(&stack, false).await, Customer::new(&stack, false).await, Customer::new(&stack, true).await);
    let bytes = random_bytes(700);
    alice.stores(&stack, &bytes).await;
    let (theirs, absent) = (sha256(&bytes), sha256(b"absent"));
    let calls = |hash: &str, namespace: &str| {
        let start = json!({ "action": "start", "fileName": "a", "fileSize": 700, "fileHash": hash, "namespace": namespace });
        let chunks =
            json!({ "action": "start", "fileName": "a", "fileSize": 700, "chunkSize": 10_000_000, "chunkHashes": [hash], "namespace": namespace });
        let mut both = start.clone();
        (both["chunkSize"], both["chunkHashes"]) = (json!(10_000_000), json!([hash]));
        [
            ("/api/jetty/check-duplicate", json!({ "fileHash": hash, "fileSize": 700 })),
            ("/api/jetty/optimal-edges", json!({ "fileHash": hash, "fileSize": 700 })),
            ("/api/jetty/track-upload", start),
            ("/api/jetty/track-upload", chunks),
            ("/api/jetty/track-upload", both),
        ]
    };
    let mut compared = 0;
    for customer in [&stranger, &partaker] {
        for ((path, of_theirs), (_, of_absent)) in calls(&theirs, &customer.namespace).into_iter().zip(calls(&absent, &customer.namespace)) {
            // Warm-up: what the first call of a kind initialises is there for both.
            stack.post(&customer.account, path, of_absent.clone()).await;
            let mut done = Vec::new();
            // A ledger writes its figures now and then, independently of the calls; that does not happen in six rounds.
            for _ in 0..6 {
                done.clear();
                for body in [&of_absent, &of_theirs] {
                    let (from, origin) = (std::fs::metadata(&log).unwrap().len(), stack.proxy.seen("").len());
                    let (status, told) = stack.post(&customer.account, path, body.clone()).await;
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    let mut told = told;
                    // Random for every new upload.
                    for drawn in ["sessionId", "uploadId", "uploadToken", "expiresAt"] {
                        told.as_object_mut().unwrap().remove(drawn);
                    }
                    done.push((status, told.to_string(), logged_steps(&log, usize::try_from(from).unwrap()), stack.proxy.seen("").len() - origin));
                }
                if done[0] == done[1] {
                    break;
                }
            }
            assert!(done[0].2.iter().any(|step| step.contains("\"kind\":\"d1")), "the log tells: {done:?}");
            assert_eq!(done[0], done[1], "{path} {of_theirs}");
            compared += 1;
        }
    }
    assert_eq!(compared, 10);
}
