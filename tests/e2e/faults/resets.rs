//! A connection that the store resets once: no client sees it.

use std::sync::atomic::Ordering;

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::json;

use super::{StoreCall, inject};
use crate::harness::{Stack, fetch};

#[tokio::test]
async fn start_is_answered_201_though_the_store_resets_its_first_attempt() {
    let stack = Stack::start(&[]).await;
    for fault in [Fault::ResetBefore, Fault::LoseAnswer, Fault::CutAnswer] {
        let left = inject(&stack.proxy, StoreCall::Opening, fault, 1);
        let (status, body) = stack.track(&stack.dev, json!({ "action": "start", "fileName": "a.bin", "fileSize": 16_000_000 })).await;
        assert_eq!((status, left.load(Ordering::SeqCst)), (201, 0), "{fault:?}: {body}");
        stack.proxy.clear_faults();
    }
}

#[tokio::test]
async fn file_is_sent_whole_though_the_store_resets_the_first_read_of_each_slice() {
    let stack = Stack::start(&[]).await;
    for (number, fault) in [Fault::ResetBefore, Fault::LoseAnswer, Fault::CutBody].into_iter().enumerate() {
        let file = stack.file(&stack.dev).name("reset.bin").size(300_000 + number).store().await;
        let mut left = 1;
        stack.proxy.inject(move |method, target| {
            let hit = method == Method::GET && target.contains("/o/") && left > 0;
            hit.then(|| left -= 1).map(|()| fault)
        });
        let (status, cache, body) = fetch(stack.http.get(&file.url)).await;
        assert!(status == 200 && body.as_ref() == Some(&file.bytes), "{fault:?}: {status} {cache}");
        stack.proxy.clear_faults();
    }
}
