//! Faults of the store, temporary and permanent.

use super::{PARTS, SIZE, StoreCall, assert_settled, inject, newcomer, plain, seen};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::harness::{Call, Stack, action, random_bytes, random_file};
use jettyspeed_client::retry::Retry;
use jettyspeed_client::{Error, no_progress, upload};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_edge::uploads::retry::ATTEMPTS;

/// Each fault hits the first requests of its kind; the upload completes, and the store sees as many more requests as were failed.
#[tokio::test]
async fn temporary_store_fault_is_retried_and_upload_completes() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (stall, body) = (30_000, 4_000_000);
    for (which, fault, times, repeated) in [
        (StoreCall::Part, Fault::Answer(500, "InternalError"), 3, 3),
        (StoreCall::Part, Fault::Answer(503, "SlowDown"), 9, 9),
        (StoreCall::Part, Fault::Answer(520, "A web server's own words"), 3, 3),
        (StoreCall::Part, Fault::Answer(400, "RequestTimeout"), 3, 3),
        (StoreCall::Part, Fault::ErrorInside, 3, 3),
        (StoreCall::Part, Fault::ResetBefore, 3, 3),
        (StoreCall::Part, Fault::ResetDuring(body), 3, 3),
        (StoreCall::Part, Fault::ResetAfter, 3, 3),
        (StoreCall::Part, Fault::LoseAnswer, 3, 3),
        // The ETag is in the header, which arrived.
        (StoreCall::Part, Fault::CutAnswer, 3, 0),
        (StoreCall::Part, Fault::Slow(stall), 1, 0),
        (StoreCall::Part, Fault::LateAnswer(stall), 1, 0),
        (StoreCall::Completion, Fault::Answer(500, "InternalError"), 2, 2),
        // One call makes three attempts.
        (StoreCall::Completion, Fault::Answer(503, "SlowDown"), 4, 4),
        (StoreCall::Completion, Fault::Answer(520, ""), 1, 1),
        (StoreCall::Completion, Fault::ErrorInside, 1, 1),
        (StoreCall::Completion, Fault::ResetBefore, 1, 1),
        (StoreCall::Completion, Fault::ResetAfter, 1, 1),
        // The object is found: completion is not repeated.
        (StoreCall::Completion, Fault::LoseAnswer, 1, 0),
        (StoreCall::Completion, Fault::CutAnswer, 1, 0),
        (StoreCall::Completion, Fault::LateAnswer(stall), 1, 0),
        (StoreCall::Opening, Fault::Answer(503, "SlowDown"), 2, 2),
        (StoreCall::Opening, Fault::ResetBefore, 1, 1),
    ] {
        let what = format!("{fault:?} of {times}");
        let account = newcomer(&stack).await;
        let (path, bytes) = random_file(folder.path(), "fault.bin", SIZE);
        let before = [StoreCall::Part, StoreCall::Completion, StoreCall::Opening].map(|which| seen(&stack.proxy, which));
        let left = inject(&stack.proxy, which, fault, times);
        let began = Instant::now();
        // With other connections at hand a part that is late is sent a second time; one that the Worker repeats is late, too.
        let threads = if which == StoreCall::Part || matches!(fault, Fault::Slow(_) | Fault::LateAnswer(_)) { 1 } else { PARTS };
        let done = upload(&stack.edge(&account), &path, &plain(threads), no_progress()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(left.load(Ordering::SeqCst), 0, "{what}: it did not happen");
        stack.proxy.clear_faults();
        assert_eq!((done.bytes_sent, done.parts_sent), (SIZE as u64, PARTS), "{what}");
        for ((kind, before), usual) in [StoreCall::Part, StoreCall::Completion, StoreCall::Opening].into_iter().zip(before).zip([PARTS, 1, 1]) {
            let expected = usual + if kind == which { repeated } else { 0 };
            // A part whose answer was lost may be found at the store instead of being sent again.
            let fewer = if fault == Fault::LoseAnswer && kind == StoreCall::Part { repeated } else { 0 };
            let requests = seen(&stack.proxy, kind) - before;
            assert!((expected - fewer..=expected).contains(&requests), "{what}: {requests} requests at the store, not {expected}");
        }
        if let Fault::Slow(ms) | Fault::LateAnswer(ms) = fault {
            assert!(began.elapsed() >= Duration::from_millis(ms), "{what}: it was not waited for");
        }
        assert_settled(&stack, &account, &[&bytes], &what).await;
    }
}

#[tokio::test]
async fn part_that_the_store_delays_is_sent_a_second_time_when_nothing_else_is_left_to_send() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    for fault in [Fault::Slow(60_000), Fault::LateAnswer(60_000)] {
        let (account, before) = (newcomer(&stack).await, seen(&stack.proxy, StoreCall::Part));
        let (path, bytes) = random_file(folder.path(), "late.bin", SIZE);
        let left = inject(&stack.proxy, StoreCall::Part, fault, 1);
        let began = Instant::now();
        let done = upload(&stack.edge(&account), &path, &plain(PARTS), no_progress()).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(began.elapsed() < Duration::from_secs(50), "{fault:?}: it was waited for: {:?}", began.elapsed());
        assert_eq!((left.load(Ordering::SeqCst), done.parts_sent, done.bytes_sent), (0, PARTS, SIZE as u64), "{fault:?}");
        let requests = seen(&stack.proxy, StoreCall::Part) - before;
        assert!((PARTS..=PARTS * 2).contains(&requests), "{fault:?}: {requests} requests at the store");
        stack.proxy.clear_faults();
        assert_settled(&stack, &account, &[&bytes], &format!("{fault:?}")).await;
    }
}

/// The fault stays: the client reports it, and aborting the upload leaves nothing. Each of its two attempts is three at the store: parts of this size are
/// buffered and sent again by the Worker.
#[tokio::test]
async fn permanent_store_fault_is_reported_and_leaves_nothing() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    for (which, fault, code, words, tries) in [
        (StoreCall::Part, Fault::Answer(403, "RequestTimeTooSkewed"), "origin-clock-skew", "clock", 1),
        (StoreCall::Completion, Fault::Answer(403, "RequestTimeTooSkewed"), "origin-clock-skew", "clock", 1),
        (StoreCall::Opening, Fault::Answer(403, "RequestTimeTooSkewed"), "origin-clock-skew", "clock", 1),
        (StoreCall::Part, Fault::Answer(403, "SignatureDoesNotMatch"), "origin-credentials", "operator", 1),
        (StoreCall::Part, Fault::Answer(503, "SlowDown"), "origin-unavailable", "store", 2 * ATTEMPTS as usize),
        (StoreCall::Part, Fault::ResetDuring(1_000_000), "origin-unavailable", "store", 2 * ATTEMPTS as usize),
    ] {
        let what = format!("{fault:?}");
        let account = newcomer(&stack).await;
        let mut edge = stack.edge(&account);
        edge.retry = Retry { attempts: 2, ..Retry::default() };
        let (path, _) = random_file(folder.path(), "doomed.bin", SIZE);
        let before = seen(&stack.proxy, which);
        inject(&stack.proxy, which, fault, u32::MAX);
        let error = upload(&edge, &path, &plain(1), no_progress()).await.unwrap_err();
        // If the server answers before it has read the body, the client may see only a closed connection.
        let unheard = matches!((fault, &error), (Fault::ResetDuring(_), Error::Unreachable(_)));
        assert!(unheard || error.code() == Some(code) && error.to_string().contains(words), "{what}: {error}");
        assert_eq!(seen(&stack.proxy, which) - before, tries, "{what}: tries");
        stack.proxy.clear_faults();
        let open = edge.open_sessions().await.unwrap();
        assert_eq!(open.len(), usize::from(which != StoreCall::Opening), "{what}: what was sent could still be used");
        for session in open {
            edge.fail(&session.session_id).await.unwrap();
        }
        assert_settled(&stack, &account, &[], &what).await;
    }
}

/// Every part reaches the store and every answer is lost: the client finds the parts there by their MD5 and sends none twice.
/// Two at once, because a third would not be held for repeats: it is over the account's share of the isolate's memory.
#[tokio::test]
async fn part_with_lost_answer_is_found_at_the_store_and_not_sent_again() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let account = newcomer(&stack).await;
    let (path, bytes) = random_file(folder.path(), "unheard.bin", SIZE);
    inject(&stack.proxy, StoreCall::Part, Fault::LoseAnswer, u32::MAX);
    let done = upload(&stack.edge(&account), &path, &plain(2), no_progress()).await.unwrap();
    stack.proxy.clear_faults();
    assert_eq!(
        (done.parts_sent, seen(&stack.proxy, StoreCall::Part)),
        (PARTS, PARTS * ATTEMPTS as usize),
        "what the Worker repeats, it repeats without the client"
    );
    let session = stack.edge(&account).session(&done.session_id.unwrap(), false).await.unwrap();
    assert!(session.completed.iter().all(|part| part.sha256.is_some()), "{session:?}");
    assert_settled(&stack, &account, &[&bytes], "unheard").await;
}

/// The session's Durable Object cannot write although the store has the part: the part is not acknowledged, and the upload continues once it can.
#[tokio::test]
async fn part_that_cannot_be_recorded_returns_503() {
    let stack = Stack::start(&[]).await;
    let account = newcomer(&stack).await;
    let bytes = random_bytes(SIZE);
    let started = stack.session(&account).size(SIZE).start().await;
    let piece = &bytes[..10_000_000];
    let chunk = async |part: u32, piece: &[u8]| stack.chunk(&started, part, piece).answer().await;
    assert_eq!(chunk(2, &bytes[10_000_000..20_000_000]).await.0, 200);
    let folder = stack.worker.lock().await.setup().state.clone();
    break_sessions(&folder, "CREATE TRIGGER broken BEFORE INSERT ON parts BEGIN SELECT RAISE(FAIL, 'injected'); END");
    let before = seen(&stack.proxy, StoreCall::Part);
    let (status, body) = chunk(1, piece).await;
    assert_eq!((status, &body["code"]), (503, &json!("record-failed")), "{body}");
    assert_eq!(seen(&stack.proxy, StoreCall::Part) - before, 1, "the store has it");
    let id = started["sessionId"].as_str().unwrap();
    assert_eq!(stack.session_state(&account, id).await["missing"], json!([1, 3, 4, 5, 6]), "it is not said to be there");
    break_sessions(&folder, "DROP TRIGGER broken");
    stack.send_all_parts(&started, &bytes).await;
    let (status, body) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{body}");
    assert_settled(&stack, &account, &[&bytes], "record").await;
}

/// Runs a statement on the database of every session, past workerd.
fn break_sessions(state: &Path, statement: &str) {
    let mut done = 0;
    for folder in std::fs::read_dir(state.join("v3/do")).unwrap().map(|entry| entry.unwrap().path()) {
        for file in
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "sqlite"))
        {
            let database = rusqlite::Connection::open(&file).unwrap();
            if database.prepare("SELECT number FROM parts").is_ok() {
                database.execute_batch(statement).unwrap();
                done += 1;
            }
        }
    }
    assert_eq!(done, 1, "one session");
}
