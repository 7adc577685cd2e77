//! Broken store answers, killed processes and replaced objects never become wrong bytes.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;

use crate::harness::{Call, SLICE, Stack, fetch};

#[tokio::test]
async fn broken_store_answer_is_never_cached_or_returned_as_complete() {
    let stack = Stack::start(&[]).await;
    let faults = [
        Fault::CutBody,
        Fault::CutAnswer,
        Fault::ShortBody,
        Fault::OtherRange,
        Fault::OtherVersion,
        Fault::ResetBefore,
        Fault::LoseAnswer,
        Fault::Answer(500, "InternalError"),
        Fault::Answer(503, "SlowDown"),
        Fault::ErrorInside,
    ];
    let (small, large) =
        (stack.file(&stack.dev).name("a.bin").size(700_000).store().await, stack.file(&stack.dev).name("b.bin").size(3 * SLICE + 9).store().await);
    for (number, fault) in faults.into_iter().enumerate() {
        let purge = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace)).sent().await.unwrap();
        assert_eq!(purge.status(), 200);
        // The fault hits the first slice, or one in the middle.
        for broken in [0, 1] {
            let mut nth = 0;
            stack.proxy.inject(move |method, target| {
                let content = method == Method::GET && target.contains("/o/");
                nth += usize::from(content);
                (content && nth > broken).then_some(fault)
            });
            for file in [&small, &large] {
                let (status, _, body) = fetch(stack.http.get(&file.url)).await;
                let whole = body.as_ref() == Some(&file.bytes);
                assert!(whole || status >= 500 || body.is_none(), "{fault:?} {broken}: {status} with {:?} bytes", body.map(|body| body.len()));
            }
            stack.proxy.clear_faults();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        for file in [&small, &large] {
            let (status, cache, body) = fetch(stack.http.get(&file.url)).await;
            assert!(status == 200 && body.is_some_and(|body| body == file.bytes), "after {fault:?} ({number}): {status} {cache}");
        }
    }
}

#[tokio::test]
async fn workerd_killed_during_fill_leaves_no_partial_slice() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("killed.bin").size(4 * SLICE + 1).store().await;
    for round in 0..4_u64 {
        let reading = {
            let request = stack.http.get(&file.url);
            tokio::spawn(async move { fetch(request).await })
        };
        stack.proxy.inject(|method, _| (method == Method::GET).then_some(Fault::Slow(40)));
        tokio::time::sleep(Duration::from_millis(60 + 70 * round)).await;
        stack.worker.lock().await.kill_and_restart().await.unwrap();
        let (status, _, body) = reading.await.unwrap();
        assert!(body.is_none() || status == 0 || body.is_some_and(|body| body == file.bytes), "killed in the middle, {status} is not the end");
        stack.proxy.clear_faults();
        assert!(fetch(stack.http.get(&file.url)).await.2.unwrap() == file.bytes, "round {round}");
        let purge = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace)).sent().await.unwrap();
        assert_eq!(purge.status(), 200);
    }
}

#[tokio::test]
async fn object_replaced_during_read_never_mixes_versions() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("version.bin").size(8 * SLICE).store().await;
    let mut response = stack.http.get(&file.url).sent().await.unwrap();
    let mut begun = response.chunk().await.unwrap().unwrap().to_vec();
    stack.bucket.put(&file.key, &vec![7; 8 * SLICE]).await;
    let ended = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => begun.extend_from_slice(&bytes),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    assert!(begun == file.bytes[..begun.len()], "not one byte of the other version");
    assert_eq!(ended, begun.len() == file.bytes.len(), "what is not whole does not end as if it were");
    let (status, _, body) = fetch(stack.http.get(&file.url)).await;
    assert!(body.is_none() || status >= 500 || body.is_some_and(|body| body == file.bytes), "nor later: {status}");
}
