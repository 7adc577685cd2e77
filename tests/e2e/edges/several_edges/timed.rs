//! Upload times and shares of edges, which a loaded machine distorts: `script/test` runs these alone, one after the other.

use std::time::Duration;

use jettyspeed_client::Uploaded;

use super::{PARTS, register, stack_without_edges, start_link, upload_timed};
use crate::harness::{Stack, done_or, eventually_every};

fn store_parts(stack: &Stack, upload: &Uploaded) -> usize {
    stack.proxy.seen(&upload.asset.s3_key).iter().filter(|seen| seen.upload_part().is_some() && seen.status == 200).count()
}

/// The links are slow enough for any machine to fill them.
/// The slow link is above a third of the others' rate: below that a part under way is moved to a faster edge, so that it may complete none.
#[tokio::test]
async fn upload_over_three_edges_is_faster_than_over_one() {
    let (stack, address) = stack_without_edges().await;
    let (near, far, slow) = (start_link(&address, 5, 6.0), start_link(&address, 60, 6.0), start_link(&address, 20, 3.0));
    register(&stack, &[("near", &near)]).await;
    let one = upload_timed(&stack).await;
    assert_eq!((one.edges_used.clone(), near.parts()), (vec!["near".to_owned()], PARTS));
    register(&stack, &[("far", &far), ("slow", &slow)]).await;
    let before = near.parts();
    let all = upload_timed(&stack).await;
    let carried = [near.parts() - before, far.parts(), slow.parts()];
    println!("one edge: {:?}; three: {:?}, parts {carried:?}; told {:?}", one.took, all.took, all.uploaded.edges);
    assert_eq!(all.edges_used, ["far", "near", "slow"], "the record says who carried what");
    assert!(carried.iter().sum::<usize>() >= PARTS && store_parts(&stack, &all.uploaded) >= PARTS, "{carried:?}");
    assert!(carried[0] > carried[2] && carried[1] > carried[2], "the slow one carries least: {carried:?}");
    assert!(all.took.mul_f64(1.3) < one.took, "three edges {:?}, one {:?}", all.took, one.took);
    assert_eq!(all.uploaded.edges.iter().map(|share| share.parts).sum::<usize>(), PARTS);
}

#[tokio::test]
async fn edge_killed_during_upload_leaves_its_parts_to_the_others() {
    let (stack, address) = stack_without_edges().await;
    let (one, two, three) = (start_link(&address, 5, 8.0), start_link(&address, 5, 8.0), start_link(&address, 5, 8.0));
    register(&stack, &[("one", &one)]).await;
    let single = upload_timed(&stack).await;
    register(&stack, &[("two", &two), ("three", &three)]).await;

    let killer = async {
        let look = async || done_or(two.parts() >= 2, format!("{} parts", two.parts()));
        eventually_every(Duration::from_millis(10), Duration::from_secs(120), look).await;
        two.kill(true);
    };
    let (done, ()) = tokio::join!(upload_timed(&stack), killer);
    let (died, others) = (two.parts(), one.parts() - PARTS + three.parts());
    println!("over one {:?}; over three, one of which dies: {:?}; parts {died} + {others}", single.took, done.took);
    assert!(died < PARTS / 2 && others >= PARTS - died, "its load went to the others: {died} + {others}");
    assert!(store_parts(&stack, &done.uploaded) >= PARTS);
    assert!(done.took < single.took, "still faster than over one: {:?}, {:?}", done.took, single.took);
}
