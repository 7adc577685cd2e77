//! Killed processes: workerd and the client.

use super::{SIZE, StoreCall, assert_settled, newcomer, plain, random, seen, sent_session, settled, slow};
use futures_util::future::join;
use reqwest::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::jetty;
use crate::harness::{Call, Stack, action, done_or, eventually_every, random_file};
use jettyspeed_client::api::SessionState;
use jettyspeed_client::{Error, Event, Progress, Uploaded, no_progress, upload};
use jettyspeed_devstack::proxy::{Fault, Proxy};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::time::EpochMs;

/// How often workerd is killed, and how often the client.
const KILLS: usize = 10;

/// A progress callback, and what is signalled once the upload has its session.
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

/// Uploads in a task of its own, two parts at a time; returns once the upload has its session.
async fn begun(stack: &Stack, account: &AccountAccess, path: PathBuf) -> tokio::task::JoinHandle<Result<Uploaded, Error>> {
    let (progress, ready) = planned();
    let edge = stack.edge(account);
    let running = tokio::spawn(async move { upload(&edge, &path, &plain(2), progress).await });
    ready.await.unwrap();
    running
}

/// The parts of an upload that the store accepted, each as often as it did.
fn stored_parts(proxy: &Proxy, upload_id: &str) -> Vec<u32> {
    let mut parts: Vec<_> = proxy.seen(upload_id).iter().filter(|seen| seen.status == 200).filter_map(|seen| seen.upload_part()).collect();
    parts.sort_unstable();
    parts
}

/// The upload id of a session, and its parts that are recorded now: these must not be sent again.
fn recorded(stack: &Stack, state: &SessionState) -> (String, Vec<u32>) {
    let claims = UploadClaims::open(&state.upload_token, &stack.token_keys(), EpochMs(0)).unwrap();
    (claims.upload_id, state.completed.iter().map(|part| part.part_number).collect())
}

fn times(parts: &[u32], part: u32) -> usize {
    parts.iter().filter(|taken| **taken == part).count()
}

#[tokio::test]
async fn workerd_killed_at_random_time_upload_completes() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    // Only parts are slowed: after a killed completion the next one has to wait for two minutes.
    slow(&stack.proxy, &[StoreCall::Part], 300);
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
        let before = stored_parts(&stack.proxy, &upload_id);
        interrupted += usize::from(!running.is_finished());
        stack.worker.lock().await.restart().await.unwrap();
        let done = match running.await.unwrap() {
            // Parts are retried for longer than workerd takes to start, other calls are not: the upload then fails, and the next run resumes it.
            Err(Error::Unreachable(_)) => upload(&stack.edge(&account), &path, &plain(2), no_progress()).await,
            done => done,
        };
        let done = done.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(done.asset.size, SIZE as u64, "{what}");
        let after = stored_parts(&stack.proxy, &upload_id);
        for part in there {
            assert_eq!(times(&before, part), times(&after, part), "{what}: part {part} was recorded and yet sent again");
        }
        assert_settled(&stack, &account, &[&bytes], &what).await;
    }
    assert!(interrupted > 1, "only {interrupted} were running when workerd was killed");
}

/// workerd is killed while it completes two uploads, one of which the store has completed, and while it aborts a third, before the store knows.
#[tokio::test]
async fn workerd_killed_during_completion_or_abort_ends_in_the_file_or_nothing() {
    let stack = Stack::start(&[]).await;
    let accounts = [newcomer(&stack).await, newcomer(&stack).await, newcomer(&stack).await];
    let mut uploads = Vec::new();
    for account in &accounts {
        uploads.push(sent_session(&stack, account).await);
    }
    let id = |index: usize| uploads[index].0["sessionId"].as_str().unwrap();
    let first = uploads[0].0["uploadId"].as_str().unwrap().to_owned();
    stack.proxy.inject(move |method, target| {
        let ends = StoreCall::Completion.is(method.as_str(), target) || StoreCall::Abortion.is(method.as_str(), target);
        ends.then(|| if target.contains(&first) { Fault::LateAnswer(30_000) } else { Fault::Slow(30_000) })
    });
    let calls: Vec<_> = ["complete", "complete", "fail"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let request = stack.request(Method::POST, "/api/jetty/track-upload", &accounts[index]).json(&action(name, &uploads[index].0));
            tokio::spawn(request.sent())
        })
        .collect();
    for (index, status) in ["completing", "completing", "failed"].into_iter().enumerate() {
        eventually_every(Duration::from_millis(50), Duration::from_secs(20), async || {
            let state = stack.session_state(&accounts[index], id(index)).await;
            done_or(state["status"] == status && seen(&stack.proxy, StoreCall::Completion) != 0, format!("{index} is not {status}: {state}"))
        })
        .await;
    }
    stack.worker.lock().await.kill();
    assert!(calls.iter().all(|call| !call.is_finished()), "all three were under way");
    assert_eq!((seen(&stack.proxy, StoreCall::Completion), seen(&stack.proxy, StoreCall::Abortion)), (1, 0));
    stack.proxy.clear_faults();
    stack.worker.lock().await.restart().await.unwrap();
    let complete = async |index: usize| stack.edge(&accounts[index]).complete(id(index), &[], None).await.unwrap();
    join(complete(0), complete(1)).await;
    assert_settled(&stack, &accounts[0], &[&uploads[0].1], "completed at the store").await;
    assert_settled(&stack, &accounts[1], &[&uploads[1].1], "not completed at the store").await;
    eventually_every(Duration::from_millis(500), Duration::from_secs(120), async || settled(&stack, &accounts[2], &[]).await).await;
}

/// The command, two parts at a time.
fn upload_command(stack: &Stack, account: &AccountAccess, folder: &Path) -> std::process::Command {
    let mut command = jetty(stack, account, folder);
    command.args(["--json", "upload", "--no-dedup", "--threads", "2", "kill.bin"]).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[tokio::test]
async fn client_killed_at_random_time_next_run_completes() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    slow(&stack.proxy, &[StoreCall::Part, StoreCall::Completion], 150);
    let run = async |account: &AccountAccess| {
        let mut command = upload_command(&stack, account, folder.path());
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
        let mut child = upload_command(&stack, &account, folder.path()).spawn().unwrap();
        tokio::time::sleep(moment).await;
        child.kill().unwrap();
        interrupted += usize::from(child.wait().unwrap().code().is_none());
        let mut there = Vec::new();
        for session in edge.open_sessions().await.unwrap() {
            there.push(recorded(&stack, &edge.session(&session.session_id, false).await.unwrap()));
        }
        let before: Vec<_> = there.iter().map(|(upload_id, _)| stored_parts(&stack.proxy, upload_id)).collect();
        let done = run(&account).await;
        assert_eq!(done["asset"]["size"], SIZE, "{what}: {done}");
        resumed += usize::from(done["bytesResumed"] != 0);
        for ((upload_id, parts), before) in there.iter().zip(before) {
            let after = stored_parts(&stack.proxy, upload_id);
            for part in parts {
                assert_eq!(times(&before, *part), times(&after, *part), "{what}: part {part} was recorded and yet sent again");
            }
        }
        // A session without parts is not resumed and would expire.
        for session in edge.open_sessions().await.unwrap() {
            edge.fail(&session.session_id).await.unwrap();
        }
        // If it was killed after completion, the second run stores a second file.
        let files = edge.files(None, 500).await.unwrap().files.len();
        assert!((1..=2).contains(&files), "{what}: {files} files");
        assert_settled(&stack, &account, &vec![&bytes[..]; files], &what).await;
    }
    assert!(interrupted > 1 && resumed > 0, "{interrupted} were interrupted, {resumed} went on");
}
