//! The fault matrix: whatever the store, the Worker or the client does in mid-upload, it ends in the whole file, paid once, or in a clear refusal with
//! nothing left at the store and nothing reserved.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join;
use jettyspeed_client::api::SessionState;
use jettyspeed_client::retry::Retry;
use jettyspeed_client::{Error, Event, Progress, UploadOptions, Uploaded, no_progress, upload};
use jettyspeed_devstack::proxy::{Fault, Proxy};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::units::EpochMs;
use jettyspeed_edge::upload::replay::ATTEMPTS;
use jettyspeed_edge::upload::token::UploadClaims;
use reqwest::Method;
use serde_json::{Value, json};

use crate::command::jetty;
use crate::stack::{Stack, random_bytes, random_file, unique};

/// Six parts.
const SIZE: usize = 60_000_000;
const PARTS: usize = 6;
/// How often workerd is killed, and how often the client.
const KILLS: usize = 10;

/// Which requests to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Opening,
    Part,
    Completion,
    Abortion,
}

impl On {
    fn is(self, method: &str, target: &str) -> bool {
        match self {
            On::Opening => method == "POST" && target.contains("uploads"),
            On::Part => method == "PUT" && target.contains("partNumber="),
            On::Completion => method == "POST" && target.contains("uploadId="),
            On::Abortion => method == "DELETE" && target.contains("uploadId="),
        }
    }
}

/// Lets `fault` hit the first `times` of `which`; how many of them are still to come.
fn inject(proxy: &Proxy, which: On, fault: Fault, times: u32) -> Arc<AtomicU32> {
    let left = Arc::new(AtomicU32::new(times));
    let counted = Arc::clone(&left);
    proxy.inject(move |method, target| {
        let hit = which.is(method.as_str(), target) && counted.load(Ordering::SeqCst) > 0;
        hit.then(|| counted.fetch_sub(1, Ordering::SeqCst)).map(|_| fault)
    });
    left
}

/// Lets the store be slow about every request of these kinds.
fn slow(proxy: &Proxy, kinds: &'static [On], ms: u64) {
    proxy.inject(move |method, target| kinds.iter().any(|kind| kind.is(method.as_str(), target)).then_some(Fault::Slow(ms)));
}

/// How many requests of a kind the proxy has seen.
fn seen(proxy: &Proxy, which: On) -> usize {
    proxy.seen("").iter().filter(|seen| which.is(&seen.method, &seen.target)).count()
}

fn random(below: Duration) -> Duration {
    let number = u64::from_le_bytes(random_bytes(8).try_into().unwrap());
    below.mul_f64(number as f64 / u64::MAX as f64)
}

async fn newcomer(stack: &Stack) -> AccountAccess {
    stack.provisioned(&unique("faulty"), "enterprise").await
}

/// Every byte is sent, `threads` parts at once.
fn plain(threads: usize) -> UploadOptions {
    UploadOptions { no_dedup: true, threads: Some(threads), ..UploadOptions::default() }
}

/// Whether the account has `files` and nothing else, in words if not: bytes at the store, assets, ledger, uploads and sessions that are still open.
async fn unsettled(stack: &Stack, account: &AccountAccess, files: &[&[u8]]) -> Option<String> {
    let edge = stack.edge(account);
    let listed = edge.files(None, 500).await.unwrap().files;
    let mut keys: Vec<_> = listed.iter().map(|asset| asset.s3_key.clone()).collect();
    let (mut objects, open) = stack.bucket.of_user(&account.user_id).await;
    keys.sort_unstable();
    objects.sort_unstable();
    if keys != objects || keys.len() != files.len() {
        return Some(format!("assets {keys:?}, objects {objects:?}, of {} files", files.len()));
    }
    for file in files {
        let mut found = false;
        for key in &keys {
            found |= stack.bucket.get(key).await.is_some_and(|bytes| bytes == *file);
        }
        if !found {
            return Some(format!("one of {} files is not there", files.len()));
        }
    }
    let sessions = edge.open_sessions().await.unwrap();
    if !open.is_empty() || !sessions.is_empty() {
        return Some(format!("still open: {open:?}, {} sessions", sessions.len()));
    }
    let quota = edge.quota().await.unwrap();
    let bytes = files.iter().map(|file| file.len() as u64).sum();
    let (used, reserved) = (quota.storage_used_bytes, quota.storage_reserved_bytes);
    ((used, reserved) != (bytes, 0)).then(|| format!("{used} used and {reserved} reserved, not {bytes} and 0"))
}

/// The same as an assertion; then the account's files go, for there are many.
async fn assert_settled(stack: &Stack, account: &AccountAccess, files: &[&[u8]], what: &str) {
    if let Some(words) = unsettled(stack, account, files).await {
        panic!("{what}: {words}");
    }
    for asset in stack.edge(account).files(None, 500).await.unwrap().files {
        stack.edge(account).delete(&asset.id).await.unwrap();
    }
}

/// A session with every part sent.
async fn sent(stack: &Stack, account: &AccountAccess) -> (Value, Vec<u8>) {
    let bytes = random_bytes(SIZE);
    let started = stack.started(account, SIZE).await;
    stack.send_all(&started, &bytes).await;
    (started, bytes)
}

fn order(action: &str, started: &Value) -> Value {
    json!({ "action": action, "sessionId": started["sessionId"] })
}

/// Each fault hits the first of its requests; the upload goes on, and costs the store as many requests more as it failed.
#[tokio::test]
async fn an_upload_outlives_every_passing_fault_of_the_store() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (stall, body) = (30_000, 4_000_000);
    for (which, fault, times, repeated) in [
        (On::Part, Fault::Answer(500, "InternalError"), 3, 3),
        (On::Part, Fault::Answer(503, "SlowDown"), 9, 9),
        (On::Part, Fault::Answer(520, "A web server's own words"), 3, 3),
        (On::Part, Fault::Answer(400, "RequestTimeout"), 3, 3),
        (On::Part, Fault::ErrorInside, 3, 3),
        (On::Part, Fault::ResetBefore, 3, 3),
        (On::Part, Fault::ResetDuring(body), 3, 3),
        (On::Part, Fault::ResetAfter, 3, 3),
        (On::Part, Fault::LoseAnswer, 3, 3),
        // All that matters is in its head.
        (On::Part, Fault::CutAnswer, 3, 0),
        (On::Part, Fault::Slow(stall), 2, 0),
        (On::Part, Fault::LateAnswer(stall), 2, 0),
        (On::Completion, Fault::Answer(500, "InternalError"), 2, 2),
        // One call asks three times.
        (On::Completion, Fault::Answer(503, "SlowDown"), 4, 4),
        (On::Completion, Fault::Answer(520, ""), 1, 1),
        (On::Completion, Fault::ErrorInside, 1, 1),
        (On::Completion, Fault::ResetBefore, 1, 1),
        (On::Completion, Fault::ResetAfter, 1, 1),
        // The object is there: nothing is asked again.
        (On::Completion, Fault::LoseAnswer, 1, 0),
        (On::Completion, Fault::CutAnswer, 1, 0),
        (On::Completion, Fault::LateAnswer(stall), 1, 0),
        (On::Opening, Fault::Answer(503, "SlowDown"), 2, 2),
        (On::Opening, Fault::ResetBefore, 1, 1),
    ] {
        let what = format!("{fault:?} of {times}");
        let account = newcomer(&stack).await;
        let (path, bytes) = random_file(folder.path(), "fault.bin", SIZE);
        let before = [On::Part, On::Completion, On::Opening].map(|which| seen(&stack.proxy, which));
        let left = inject(&stack.proxy, which, fault, times);
        let began = Instant::now();
        let done = upload(&stack.edge(&account), &path, &plain(PARTS), no_progress()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(left.load(Ordering::SeqCst), 0, "{what}: it did not happen");
        stack.proxy.heal();
        assert_eq!((done.bytes_sent, done.parts_sent), (SIZE as u64, PARTS), "{what}");
        for ((kind, before), usual) in [On::Part, On::Completion, On::Opening].into_iter().zip(before).zip([PARTS, 1, 1]) {
            let expected = usual + if kind == which { repeated } else { 0 };
            // A part that nobody holds any more is found at the store, not sent again.
            let fewer = if fault == Fault::LoseAnswer && kind == On::Part { repeated } else { 0 };
            let requests = seen(&stack.proxy, kind) - before;
            assert!((expected - fewer..=expected).contains(&requests), "{what}: {requests} requests at the store, not {expected}");
        }
        if let Fault::Slow(ms) | Fault::LateAnswer(ms) = fault {
            assert!(began.elapsed() >= Duration::from_millis(ms), "{what}: it was not waited for");
        }
        assert_settled(&stack, &account, &[&bytes], &what).await;
    }
}

/// The fault stays: the client says what it is, and giving up takes everything back. Its two attempts are three each at the store: parts of this size are
/// held and sent again.
#[tokio::test]
async fn a_fault_that_stays_is_named_and_leaves_nothing() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    for (which, fault, code, words, tries) in [
        (On::Part, Fault::Answer(403, "RequestTimeTooSkewed"), "origin-clock-skew", "clock", 1),
        (On::Completion, Fault::Answer(403, "RequestTimeTooSkewed"), "origin-clock-skew", "clock", 1),
        (On::Opening, Fault::Answer(403, "RequestTimeTooSkewed"), "origin-clock-skew", "clock", 1),
        (On::Part, Fault::Answer(403, "SignatureDoesNotMatch"), "origin-credentials", "operator", 1),
        (On::Part, Fault::Answer(503, "SlowDown"), "origin-unavailable", "store", 2 * ATTEMPTS as usize),
        (On::Part, Fault::ResetDuring(1_000_000), "origin-unreachable", "store", 2 * ATTEMPTS as usize),
    ] {
        let what = format!("{fault:?}");
        let account = newcomer(&stack).await;
        let mut edge = stack.edge(&account);
        edge.retry = Retry { attempts: 2, ..Retry::default() };
        let (path, _) = random_file(folder.path(), "doomed.bin", SIZE);
        let before = seen(&stack.proxy, which);
        inject(&stack.proxy, which, fault, u32::MAX);
        let error = upload(&edge, &path, &plain(1), no_progress()).await.unwrap_err();
        // A server that answers before it has read the body may be heard only as a connection that ends.
        let unheard = matches!((fault, &error), (Fault::ResetDuring(_), Error::Unreachable(_)));
        assert!(unheard || error.code() == Some(code) && error.to_string().contains(words), "{what}: {error}");
        assert_eq!(seen(&stack.proxy, which) - before, tries, "{what}: tries");
        stack.proxy.heal();
        let open = edge.open_sessions().await.unwrap();
        assert_eq!(open.len(), usize::from(which != On::Opening), "{what}: what was sent could still be used");
        for session in open {
            edge.fail(&session.session_id).await.unwrap();
        }
        assert_settled(&stack, &account, &[], &what).await;
    }
}

/// Every part reaches the store and no answer ever comes back: the client finds them there by their MD5, and sends none twice.
#[tokio::test]
async fn parts_that_the_store_has_are_not_sent_again_though_nobody_heard_so() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let account = newcomer(&stack).await;
    let (path, bytes) = random_file(folder.path(), "unheard.bin", SIZE);
    inject(&stack.proxy, On::Part, Fault::LoseAnswer, u32::MAX);
    let done = upload(&stack.edge(&account), &path, &plain(3), no_progress()).await.unwrap();
    stack.proxy.heal();
    assert_eq!(
        (done.parts_sent, seen(&stack.proxy, On::Part)),
        (PARTS, PARTS * ATTEMPTS as usize),
        "what the Worker repeats, it repeats without the client"
    );
    let session = stack.edge(&account).session(&done.session_id.unwrap(), false).await.unwrap();
    assert!(session.completed.iter().all(|part| part.sha256.is_some()), "{session:?}");
    assert_settled(&stack, &account, &[&bytes], "unheard").await;
}

/// Tells when the upload has its session.
fn planned() -> (Progress, tokio::sync::oneshot::Receiver<()>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let progress: Progress = Arc::new(move |event| {
        if let (Event::Planned { .. }, Some(sender)) = (event, sender.lock().unwrap().take()) {
            let _ = sender.send(());
        }
    });
    (progress, receiver)
}

/// Uploads in a task of its own, two parts at once; returns once it has its session.
async fn begun(stack: &Stack, account: &AccountAccess, path: PathBuf) -> tokio::task::JoinHandle<Result<Uploaded, Error>> {
    let (progress, ready) = planned();
    let edge = stack.edge(account);
    let running = tokio::spawn(async move { upload(&edge, &path, &plain(2), progress).await });
    ready.await.unwrap();
    running
}

/// How often the store took each part of an upload.
fn taken(proxy: &Proxy, upload_id: &str) -> Vec<u32> {
    let mut parts: Vec<_> = proxy.seen(upload_id).iter().filter(|seen| seen.status == 200).filter_map(|seen| seen.upload_part()).collect();
    parts.sort_unstable();
    parts
}

/// The parts that are recorded now, as they must never be sent again, and the upload they are of.
fn recorded(stack: &Stack, state: &SessionState) -> (String, Vec<u32>) {
    let claims = UploadClaims::open(&state.upload_token, &stack.token_keys(), EpochMs(0)).unwrap();
    (claims.upload_id, state.completed.iter().map(|part| part.part_number).collect())
}

fn times(parts: &[u32], part: u32) -> usize {
    parts.iter().filter(|taken| **taken == part).count()
}

#[tokio::test]
async fn workerd_may_die_at_any_moment() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    // Only the parts: of a completion that dies, the next one has to wait for two minutes.
    slow(&stack.proxy, &[On::Part], 300);
    let (path, _) = random_file(folder.path(), "measured.bin", SIZE);
    let running = begun(&stack, &newcomer(&stack).await, path).await;
    let began = Instant::now();
    running.await.unwrap().unwrap();
    let whole = began.elapsed();
    let mut interrupted = 0;
    for _ in 0..KILLS {
        let account = newcomer(&stack).await;
        let (path, bytes) = random_file(folder.path(), "kill.bin", SIZE);
        let running = begun(&stack, &account, path.clone()).await;
        let moment = random(whole);
        let what = format!("killed {moment:?} of {whole:?} after the start");
        tokio::time::sleep(moment).await;
        let session = stack.edge(&account).open_sessions().await.unwrap().pop();
        let state = match session {
            Some(session) => Some(stack.edge(&account).session(&session.session_id, false).await.unwrap()),
            None => None,
        };
        let (upload_id, there) = state.map_or((String::new(), Vec::new()), |state| recorded(&stack, &state));
        stack.worker.lock().await.kill();
        let before = taken(&stack.proxy, &upload_id);
        interrupted += usize::from(!running.is_finished());
        stack.worker.lock().await.restart().await.unwrap();
        let done = match running.await.unwrap() {
            // Parts are tried for longer than workerd takes to start, other calls are not: then it is said, and the next run goes on.
            Err(Error::Unreachable(_)) => upload(&stack.edge(&account), &path, &plain(2), no_progress()).await,
            done => done,
        };
        let done = done.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(done.asset.size, SIZE as u64, "{what}");
        let after = taken(&stack.proxy, &upload_id);
        for part in there {
            assert_eq!(times(&before, part), times(&after, part), "{what}: part {part} was recorded and yet sent again");
        }
        assert_settled(&stack, &account, &[&bytes], &what).await;
    }
    assert!(interrupted > 1, "only {interrupted} were running when workerd was killed");
}

/// It dies while it completes two uploads, one of which the store has completed, and while it gives up a third, of which the store knows nothing yet.
#[tokio::test]
async fn workerd_may_die_while_an_upload_ends() {
    let stack = Stack::start(&[]).await;
    let accounts = [newcomer(&stack).await, newcomer(&stack).await, newcomer(&stack).await];
    let mut uploads = Vec::new();
    for account in &accounts {
        uploads.push(sent(&stack, account).await);
    }
    let id = |index: usize| uploads[index].0["sessionId"].as_str().unwrap();
    let first = uploads[0].0["uploadId"].as_str().unwrap().to_owned();
    stack.proxy.inject(move |method, target| {
        let ends = On::Completion.is(method.as_str(), target) || On::Abortion.is(method.as_str(), target);
        ends.then(|| if target.contains(&first) { Fault::LateAnswer(30_000) } else { Fault::Slow(30_000) })
    });
    let calls: Vec<_> = ["complete", "complete", "fail"]
        .into_iter()
        .enumerate()
        .map(|(index, action)| {
            let request = stack.request(Method::POST, "/api/jetty/track-upload", &accounts[index]).json(&order(action, &uploads[index].0));
            tokio::spawn(request.send())
        })
        .collect();
    let asked = Instant::now();
    for (index, status) in ["completing", "completing", "failed"].into_iter().enumerate() {
        while stack.state(&accounts[index], id(index)).await["status"] != status || seen(&stack.proxy, On::Completion) == 0 {
            assert!(asked.elapsed() < Duration::from_secs(20), "{index} is not {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    stack.worker.lock().await.kill();
    assert!(calls.iter().all(|call| !call.is_finished()), "all three were under way");
    assert_eq!((seen(&stack.proxy, On::Completion), seen(&stack.proxy, On::Abortion)), (1, 0));
    stack.proxy.heal();
    stack.worker.lock().await.restart().await.unwrap();
    let complete = async |index: usize| stack.edge(&accounts[index]).complete(id(index), &[]).await.unwrap();
    join(complete(0), complete(1)).await;
    assert_settled(&stack, &accounts[0], &[&uploads[0].1], "completed at the store").await;
    assert_settled(&stack, &accounts[1], &[&uploads[1].1], "not completed at the store").await;
    let restarted = Instant::now();
    while let Some(words) = unsettled(&stack, &accounts[2], &[]).await {
        assert!(restarted.elapsed() < Duration::from_secs(120), "given up: {words}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The command, two parts at once.
fn command(stack: &Stack, account: &AccountAccess, folder: &Path) -> std::process::Command {
    let mut command = jetty(stack, account, folder);
    command.args(["--json", "upload", "--no-dedup", "--threads", "2", "kill.bin"]).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[tokio::test]
async fn the_client_may_die_at_any_moment() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    slow(&stack.proxy, &[On::Part, On::Completion], 150);
    let run = async |account: &AccountAccess| {
        let mut command = command(&stack, account, folder.path());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    random_file(folder.path(), "kill.bin", SIZE);
    let began = Instant::now();
    run(&newcomer(&stack).await).await;
    let whole = began.elapsed();
    let (mut interrupted, mut resumed) = (0, 0);
    for _ in 0..KILLS {
        let account = newcomer(&stack).await;
        let edge = stack.edge(&account);
        let (_, bytes) = random_file(folder.path(), "kill.bin", SIZE);
        let moment = random(whole);
        let what = format!("killed {moment:?} of {whole:?} after the start");
        let mut child = command(&stack, &account, folder.path()).spawn().unwrap();
        tokio::time::sleep(moment).await;
        child.kill().unwrap();
        interrupted += usize::from(child.wait().unwrap().code().is_none());
        let mut there = Vec::new();
        for session in edge.open_sessions().await.unwrap() {
            there.push(recorded(&stack, &edge.session(&session.session_id, false).await.unwrap()));
        }
        let before: Vec<_> = there.iter().map(|(upload_id, _)| taken(&stack.proxy, upload_id)).collect();
        let done = run(&account).await;
        assert_eq!(done["asset"]["size"], SIZE, "{what}: {done}");
        resumed += usize::from(done["bytesResumed"] != 0);
        for ((upload_id, parts), before) in there.iter().zip(before) {
            let after = taken(&stack.proxy, upload_id);
            for part in parts {
                assert_eq!(times(&before, *part), times(&after, *part), "{what}: part {part} was recorded and yet sent again");
            }
        }
        // A session without a single part is nobody's to go on with; it would end by time.
        for session in edge.open_sessions().await.unwrap() {
            edge.fail(&session.session_id).await.unwrap();
        }
        // Killed after the very end, it was a file already.
        let files = edge.files(None, 500).await.unwrap().files.len();
        assert!((1..=2).contains(&files), "{what}: {files} files");
        assert_settled(&stack, &account, &vec![&bytes[..]; files], &what).await;
    }
    assert!(interrupted > 1 && resumed > 0, "{interrupted} were interrupted, {resumed} went on");
}

/// The session's object cannot write although the store has the part: the part is not acknowledged, and the upload goes on once it can.
#[tokio::test]
async fn a_part_that_cannot_be_recorded_is_not_acknowledged() {
    let stack = Stack::start(&[]).await;
    let account = newcomer(&stack).await;
    let bytes = random_bytes(SIZE);
    let started = stack.started(&account, SIZE).await;
    let piece = &bytes[..10_000_000];
    let chunk = async |part: u32, piece: &[u8]| crate::stack::answer(stack.chunk(&started, part, piece).send().await.unwrap()).await;
    assert_eq!(chunk(2, &bytes[10_000_000..20_000_000]).await.0, 200);
    let folder = stack.worker.lock().await.setup().state.clone();
    break_sessions(&folder, "CREATE TRIGGER broken BEFORE INSERT ON parts BEGIN SELECT RAISE(FAIL, 'injected'); END");
    let before = seen(&stack.proxy, On::Part);
    let (status, body) = chunk(1, piece).await;
    assert_eq!((status, &body["code"]), (503, &json!("record-failed")), "{body}");
    assert_eq!(seen(&stack.proxy, On::Part) - before, 1, "the store has it");
    let id = started["sessionId"].as_str().unwrap();
    assert_eq!(stack.state(&account, id).await["missing"], json!([1, 3, 4, 5, 6]), "it is not said to be there");
    break_sessions(&folder, "DROP TRIGGER broken");
    stack.send_all(&started, &bytes).await;
    let (status, body) = stack.track(&account, order("complete", &started)).await;
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

#[tokio::test]
async fn sixteen_completions_and_a_lost_answer_make_one_file() {
    let stack = Stack::start(&[]).await;
    let account = newcomer(&stack).await;
    let (started, bytes) = sent(&stack, &account).await;
    let left = inject(&stack.proxy, On::Completion, Fault::LoseAnswer, 1);
    let answers = crate::stack::at_once((0..16).map(|_| {
        let request = stack.request(Method::POST, "/api/jetty/track-upload", &account);
        request.json(&order("complete", &started))
    }));
    let answers = answers.await;
    assert_eq!(left.load(Ordering::SeqCst), 0);
    assert!(answers.iter().all(|answer| answer.0 == 200 && *answer == answers[0]), "{answers:?}");
    assert_eq!(seen(&stack.proxy, On::Completion), 1, "the store was asked once");
    assert_settled(&stack, &account, &[&bytes], "sixteen").await;
}

/// Exactly one of the two wins, whoever it is, and the loser is told.
#[tokio::test]
async fn completing_and_giving_up_race_to_one_end() {
    let stack = Stack::start(&[]).await;
    let mut winners = [0, 0];
    for round in 0..8 {
        let account = newcomer(&stack).await;
        let (started, bytes) = sent(&stack, &account).await;
        // The first two rounds are decided beforehand, the others by chance.
        let head_start = Duration::from_millis(400);
        let (wait, other_wait) = match round {
            0 => (Duration::ZERO, head_start),
            1 => (head_start, Duration::ZERO),
            _ => (random(Duration::from_millis(40)), random(Duration::from_millis(40))),
        };
        slow(&stack.proxy, &[On::Completion, On::Abortion], 900);
        let later = async |wait, action| {
            tokio::time::sleep(wait).await;
            stack.track(&account, order(action, &started)).await
        };
        let (completed, failed) = join(later(wait, "complete"), later(other_wait, "fail")).await;
        stack.proxy.heal();
        let what = format!("round {round}: {completed:?} {failed:?}");
        match (completed.0, failed.0) {
            (200, 409) => {
                winners[0] += 1;
                assert!(matches!(failed.1["code"].as_str(), Some("completion-running" | "already-complete")), "{what}");
                assert_settled(&stack, &account, &[&bytes], &what).await;
            }
            (410, 200) => {
                winners[1] += 1;
                assert_eq!(completed.1["code"], "upload-closed", "{what}");
                assert_settled(&stack, &account, &[], &what).await;
            }
            _ => panic!("{what}"),
        }
        assert!(round != 1 || winners == [1, 1], "{what}: the head start decides");
    }
}

/// Around the moment at which an upload ends by time: a completion that began before it is finished, one that comes later finds nothing and leaves nothing.
#[tokio::test]
async fn completing_and_time_race_to_one_end() {
    let ttl = Duration::from_secs(4);
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "4")]).await;
    let (mut won, mut lost) = (0, 0);
    for round in 0..8 {
        let account = newcomer(&stack).await;
        let (started, bytes) = sent(&stack, &account).await;
        let wait = match round {
            // The store is busy with it while the time passes.
            0 => ttl / 2,
            1 => ttl + Duration::from_secs(1),
            _ => ttl - Duration::from_millis(250) + random(Duration::from_millis(400)),
        };
        slow(&stack.proxy, &[On::Completion], if round == 0 { 4_000 } else { 300 });
        tokio::time::sleep(wait).await;
        let (status, body) = stack.track(&account, order("complete", &started)).await;
        let what = format!("round {round} after {wait:?}: {status} {body}");
        assert!(!(round == 0 && status != 200 || round == 1 && status != 410), "{what}");
        let files: &[&[u8]] = match status {
            200 => &[&bytes],
            410 => &[],
            _ => panic!("{what}"),
        };
        won += usize::from(status == 200);
        lost += usize::from(status == 410);
        let asked = Instant::now();
        while let Some(words) = unsettled(&stack, &account, files).await {
            assert!(asked.elapsed() < Duration::from_secs(60), "{what}: {words}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // Nor does what comes after the end take the file away.
        tokio::time::sleep(ttl.saturating_sub(wait)).await;
        stack.proxy.heal();
        assert_settled(&stack, &account, files, &what).await;
    }
    assert!(won > 0 && lost > 0, "{won} {lost}");
}
