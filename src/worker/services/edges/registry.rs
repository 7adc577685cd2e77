//! The edges there are, remembered in the isolate.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::time::EpochMs;
use crate::edges::edge::Edge;
use crate::edges::repository;
use crate::problem::Problem;
use crate::worker::http::call::{Call, Routed};
use crate::worker::platform::{bindings, clock, d1, origin};

/// The edge of the path.
///
/// # Errors
/// 404.
pub async fn named(call: &Routed) -> Result<Edge, Problem> {
    let id = call.params.get("edge").unwrap_or_default();
    d1::first(&bindings::db(&call.env)?, &repository::by_id(id)).await?.ok_or(Problem::NotFound)
}

/// How long an isolate believes itself, ms.
const FRESH_MS: u64 = 30_000;

/// How long after a failure it asks again, ms.
const AGAIN_MS: u64 = 5_000;

/// How long a path that can go on without waits, ms.
const WAIT_MS: u32 = 300;

type Edges = Rc<Vec<Edge>>;

thread_local! {
    /// When they were asked for, and what came of it.
    static KNOWN: RefCell<Option<(EpochMs, Edges)>> = const { RefCell::new(None) };
}

async fn read(call: &Call) -> Result<Edges, Problem> {
    let read: Vec<Edge> = d1::all(&bindings::db(&call.env)?, &repository::list()).await?;
    // The same list if nothing changed: what others know of it by place stays true.
    let same = KNOWN.with_borrow(|known| known.as_ref().map(|(_, edges)| Rc::clone(edges)).filter(|edges| **edges == read));
    let edges = same.unwrap_or_else(|| Rc::new(read));
    KNOWN.set(Some((clock::now(), Rc::clone(&edges))));
    Ok(edges)
}

/// As they were within the last minute.
///
/// # Errors
/// 500.
pub async fn edges(call: &Call) -> Result<Edges, Problem> {
    match KNOWN.with_borrow(Clone::clone) {
        Some((at, edges)) if clock::now().since(at) < FRESH_MS => Ok(edges),
        _ => read(call).await,
    }
}

/// As they were the last time that somebody knew; none if the database does not answer. For paths that must go on without.
pub async fn last_known(call: &Rc<Call>) -> Edges {
    let now = clock::now();
    match KNOWN.with_borrow(Clone::clone) {
        Some((at, edges)) => {
            if now.since(at) >= FRESH_MS {
                // Whoever comes meanwhile need not ask, too.
                KNOWN.set(Some((now, Rc::clone(&edges))));
                let held = Rc::clone(call);
                call.afterwards(async move {
                    // Logged where it fails.
                    let _ = read(&held).await;
                });
            }
            edges
        }
        None => {
            // Until it is known, and if it does not become known soon, there are none: whoever comes meanwhile does not wait, too.
            let none = Rc::new(Vec::new());
            KNOWN.set(Some((EpochMs(now.0.saturating_sub(FRESH_MS - AGAIN_MS)), Rc::clone(&none))));
            origin::within(WAIT_MS, read(call)).await.and_then(Result::ok).unwrap_or(none)
        }
    }
}

/// They were changed here: at once in this isolate, within half a minute in others.
pub fn forget() {
    KNOWN.with_borrow_mut(|known| {
        if let Some((at, _)) = known {
            *at = EpochMs(0);
        }
    });
}
