//! Completion, abort and expiry at the same time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join;
use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;

use super::{StoreCall, assert_settled, inject, newcomer, random, seen, sent_session, settled, slow};
use crate::harness::{Stack, action, at_once, eventually_every};

#[tokio::test]
async fn sixteen_completions_with_a_lost_store_answer_create_one_file() {
    let stack = Stack::start(&[]).await;
    let account = newcomer(&stack).await;
    let (started, bytes) = sent_session(&stack, &account).await;
    let left = inject(&stack.proxy, StoreCall::Completion, Fault::LoseAnswer, 1);
    let answers = at_once((0..16).map(|_| {
        let request = stack.request(Method::POST, "/api/jetty/track-upload", &account);
        request.json(&action("complete", &started))
    }));
    let answers = answers.await;
    assert_eq!(left.load(Ordering::SeqCst), 0);
    assert!(answers.iter().all(|answer| answer.0 == 200 && *answer == answers[0]), "{answers:?}");
    assert_eq!(seen(&stack.proxy, StoreCall::Completion), 1, "the store was asked once");
    assert_settled(&stack, &account, &[&bytes], "sixteen").await;
}

/// Exactly one of the two succeeds, and the other is refused.
#[tokio::test]
async fn concurrent_complete_and_fail_have_one_winner() {
    let stack = Stack::start(&[]).await;
    let mut winners = [0, 0];
    for round in 0..8 {
        let account = newcomer(&stack).await;
        let (started, bytes) = sent_session(&stack, &account).await;
        // The first two rounds are decided by a head start, the others are random.
        let head_start = Duration::from_millis(400);
        let (wait, other_wait) = match round {
            0 => (Duration::ZERO, head_start),
            1 => (head_start, Duration::ZERO),
            _ => (random(Duration::from_millis(40)), random(Duration::from_millis(40))),
        };
        slow(&stack.proxy, &[StoreCall::Completion, StoreCall::Abortion], 900);
        let later = async |wait, name| {
            tokio::time::sleep(wait).await;
            stack.track(&account, action(name, &started)).await
        };
        let (completed, failed) = join(later(wait, "complete"), later(other_wait, "fail")).await;
        stack.proxy.clear_faults();
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

/// Around the moment at which a session expires: a completion that began before it is finished, a later one is refused and leaves nothing.
#[tokio::test]
async fn completion_racing_expiry_ends_in_the_file_or_nothing() {
    let ttl = Duration::from_secs(8);
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "8")]).await;
    let (mut won, mut lost) = (0, 0);
    for round in 0..8 {
        let account = newcomer(&stack).await;
        let (started, bytes) = sent_session(&stack, &account).await;
        let wait = match round {
            // The store is still completing when the session expires.
            0 => ttl / 2,
            1 => ttl + Duration::from_secs(1),
            _ => ttl - Duration::from_millis(250) + random(Duration::from_millis(400)),
        };
        slow(&stack.proxy, &[StoreCall::Completion], if round == 0 { 6_000 } else { 300 });
        tokio::time::sleep(wait).await;
        let (status, body) = stack.track(&account, action("complete", &started)).await;
        let what = format!("round {round} after {wait:?}: {status} {body}");
        assert!(!(round == 0 && status != 200 || round == 1 && status != 410), "{what}");
        let files: &[&[u8]] = match status {
            200 => &[&bytes],
            410 => &[],
            _ => panic!("{what}"),
        };
        won += usize::from(status == 200);
        lost += usize::from(status == 410);
        let look = async || settled(&stack, &account, files).await.map_err(|words| format!("{what}: {words}"));
        eventually_every(Duration::from_millis(500), Duration::from_secs(60), look).await;
        // Cleaning up after expiry does not delete the file.
        tokio::time::sleep(ttl.saturating_sub(wait)).await;
        stack.proxy.clear_faults();
        assert_settled(&stack, &account, files, &what).await;
    }
    assert!(won > 0 && lost > 0, "{won} {lost}");
}
