//! Opens connections to edges before there is something to send over them.

use tokio::task::JoinSet;

use crate::api::RankedEdge;
use crate::edge::Edge;
use crate::lanes::spec::specs;
use crate::pace::START;

/// Opens as many connections as an upload begins with, spread over the addresses of these edges. They wait in the client's pool; dropping this ends what is
/// still being opened.
pub fn warm(edge: &Edge, edges: &[RankedEdge], threads: usize) -> JoinSet<()> {
    let (lanes, _) = specs(edge.base(), edges);
    let urls: Vec<String> = lanes.into_iter().filter(|lane| !lane.reserve || edges.is_empty()).map(|lane| lane.url).collect();
    let mut opening = JoinSet::new();
    for (url, number) in urls.iter().zip(shares(threads.min(START), urls.len())) {
        for _ in 0..number {
            let (edge, url) = (edge.clone(), url.clone());
            opening.spawn(async move {
                let _ = edge.probe(&url).await;
            });
        }
    }
    opening
}

/// How many of `total` connections each of `lanes` lanes gets: one at least, the first ones the remainder.
fn shares(total: usize, lanes: usize) -> impl Iterator<Item = usize> {
    (0..lanes).map(move |lane| (total / lanes + usize::from(lane < total % lanes)).max(1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::stand_in::{StandIn, json_answer};

    #[test]
    fn connections_are_spread_over_lanes_and_every_lane_gets_one() {
        let of = |total, lanes| shares(total, lanes).collect::<Vec<_>>();
        assert_eq!((of(8, 1), of(8, 3), of(2, 3), of(8, 0)), (vec![8], vec![3, 3, 2], vec![1, 1, 1], vec![]));
    }

    #[tokio::test]
    async fn connections_are_opened_without_credentials() {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let server = StandIn::start(move |head, _| {
            assert!(head.uri.path() == "/api/health" && !head.headers.contains_key("authorization"));
            counted.fetch_add(1, Ordering::SeqCst);
            async { json_answer(200, &json!({})) }
        })
        .await;
        let mut opening = warm(&server.edge(), &[], 3);
        while opening.join_next().await.is_some() {}
        assert_eq!(seen.load(Ordering::SeqCst), 3);
    }
}
