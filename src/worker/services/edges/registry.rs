//! The edge list, cached in the isolate.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::clients::database;
use crate::edges::edge::{Edge, Work, status_at};
use crate::edges::repository;
use crate::io::Io;
use crate::problem::Problem;
use crate::worker::http::call::{Call, Routed};
use crate::worker::platform::{clock, origin};

/// The edge named in the path.
///
/// # Errors
/// 404.
pub async fn edge_of_path(call: &Routed) -> Result<Edge, Problem> {
    let id = call.params.get("edge").unwrap_or_default();
    database::first(&call.io.db(Shard::MAIN)?, &repository::by_id(id)).await?.ok_or(Problem::NotFound)
}

/// Lifetime of the cached list, ms.
const FRESH_MS: u64 = 30_000;

/// Delay before the next attempt after a failed read, ms.
const RETRY_MS: u64 = 5_000;

/// Maximum wait on paths that can continue without the list, ms.
const WAIT_MS: u32 = 300;

type Edges = Rc<Vec<Edge>>;

thread_local! {
    /// Time of the last read, and its result.
    static KNOWN: RefCell<Option<(EpochMs, Edges)>> = const { RefCell::new(None) };
}

async fn read_edges(call: &Call) -> Result<Edges, Problem> {
    let read: Vec<Edge> = database::all(&call.io.db(Shard::MAIN)?, &repository::list()).await?;
    // An unchanged list keeps its allocation, so that cached scores stay attached to it (`Rc::ptr_eq`).
    let same = KNOWN.with_borrow(|known| known.as_ref().map(|(_, edges)| Rc::clone(edges)).filter(|edges| **edges == read));
    let edges = same.unwrap_or_else(|| Rc::new(read));
    KNOWN.set(Some((clock::now(), Rc::clone(&edges))));
    Ok(edges)
}

/// The edges, at most a minute old.
///
/// # Errors
/// 500.
pub async fn edges(call: &Call) -> Result<Edges, Problem> {
    match KNOWN.with_borrow(Clone::clone) {
        Some((at, edges)) if clock::now().since(at) < FRESH_MS => Ok(edges),
        _ => read_edges(call).await,
    }
}

/// The last list that was read; empty if D1 does not answer. For paths that must not fail.
pub async fn last_known(call: &Rc<Call>) -> Edges {
    let now = clock::now();
    match KNOWN.with_borrow(Clone::clone) {
        Some((at, edges)) => {
            if now.since(at) >= FRESH_MS {
                // Concurrent requests do not read it as well.
                KNOWN.set(Some((now, Rc::clone(&edges))));
                let held = Rc::clone(call);
                call.io.afterwards(async move {
                    // The error is logged in `d1`.
                    let _ = read_edges(&held).await;
                });
            }
            edges
        }
        None => {
            // An empty list until the read succeeds, so that concurrent requests do not wait.
            let none = Rc::new(Vec::new());
            KNOWN.set(Some((EpochMs(now.0.saturating_sub(FRESH_MS - RETRY_MS)), Rc::clone(&none))));
            origin::within(WAIT_MS, read_edges(call)).await.and_then(Result::ok).unwrap_or(none)
        }
    }
}

/// Checks that the edge at whose address the call arrived takes `work`. Known from the last list that was read: a change counts within a minute.
///
/// # Errors
/// [`Problem::EdgeClosed`].
pub async fn must_take(call: &Routed, work: Work) -> Result<(), Problem> {
    match status_at(&last_known(&call.call).await, &call.base) {
        Some(status) if !status.takes(work) => Err(Problem::EdgeClosed { status: status.as_str() }),
        _ => Ok(()),
    }
}

/// Invalidates the list after a change: immediately in this isolate, within 30 s in others.
pub fn invalidate() {
    KNOWN.with_borrow_mut(|known| {
        if let Some((at, _)) = known {
            *at = EpochMs(0);
        }
    });
}
