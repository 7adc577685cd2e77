//! Ranks edges for a client (docs/edges.md, The score).

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::id::Id;
use crate::base::ttl_map::TtlMap;
use crate::edges::assign::{Assignment, assign};
use crate::edges::draw::{Draw, WINDOW_MS};
use crate::edges::edge::Edge;
use crate::edges::geo::GeoHint;
use crate::edges::location::Location;
use crate::edges::request::Priority;
use crate::edges::score::{Asker, Ranked, rank};
use crate::edges::view::EdgeView;
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;
use crate::worker::services::edges::{registry, snapshot};

/// Default and maximum number of edges in a response.
pub const EDGES: usize = 5;

/// Maximum number of clients whose last scores an isolate keeps.
const MAX_CLIENTS: usize = 1_000;
const MAX_CLIENTS_BYTES: usize = 8_100_000;

/// Lifetime of a client's last scores, ms: six draw windows.
const LAST_SCORES_MS: u64 = 6 * WINDOW_MS;

/// Edges with a score below this share of the best score get no parts.
const MIN_SCORE_SHARE: f64 = 0.8;

/// Account, priority, location in whole degrees.
type ClientKey = (Id, Priority, Option<(i16, i16)>);

/// The scores that a client was last given, and the edge list they refer to.
struct LastScores {
    edges: Rc<Vec<Edge>>,
    /// By index in the list.
    scores: Vec<Option<f64>>,
}

thread_local! {
    /// Last scores by client, for hysteresis.
    static LAST_SCORES: RefCell<TtlMap<ClientKey, LastScores>> = RefCell::new(TtlMap::new(MAX_CLIENTS, MAX_CLIENTS_BYTES, |_, told| 64 + told.scores.len() * size_of::<Option<f64>>()));
}

/// Edges, ranked for one client.
pub struct Ranking {
    edges: Rc<Vec<Edge>>,
    ranked: Vec<Ranked>,
}

/// Ranks the edges for an account: the `count` best, including the one to probe. Without D1 the list is empty, and parts are sent to this edge.
pub async fn ranking(call: &Routed, account: Id, priority: Priority, from: &GeoHint, count: usize) -> Ranking {
    let edges = registry::edges(call).await.unwrap_or_default();
    let readings = snapshot::readings(call).await;
    let now = clock::now();
    let place = from.place();
    // Latitude is within ±90, longitude within ±180.
    #[allow(clippy::cast_possible_truncation)]
    let key = (account, priority, place.map(|Location { lat, lon }| (lat.round() as i16, lon.round() as i16)));
    let before = LAST_SCORES.with_borrow(|told| {
        let told = told.get(&key, now).filter(|told| Rc::ptr_eq(&told.edges, &edges));
        told.map_or_else(|| vec![None; edges.len()], |told| told.scores.clone())
    });
    let asker = Asker { place, priority, draw: Draw::of(&account.to_string(), now, WINDOW_MS), now };
    let place_of = |edge: &Edge| edges.binary_search_by(|known| known.id.as_str().cmp(edge.id.as_str())).ok();
    let told = |edge: &Edge| place_of(edge).and_then(|index| before.get(index).copied().flatten());
    let mut ranked = rank(&edges, |edge| snapshot::reading_of(&readings, edge.id.as_str()), asker, told);
    let mut scores = vec![None; edges.len()];
    for ranked in &ranked {
        if let Some(score) = scores.get_mut(ranked.index) {
            *score = Some(ranked.score);
        }
    }
    LAST_SCORES.with_borrow_mut(|told| told.insert(key, LastScores { edges: Rc::clone(&edges), scores }, now.plus(LAST_SCORES_MS), now));
    let cut = ranked.split_off(ranked.len().min(count));
    if let Some(probe) = cut.into_iter().find(|edge| edge.probe)
        && count > 1
    {
        // Replaces the last one, so that the response has at most `count` edges.
        ranked.pop();
        ranked.push(probe);
    }
    Ranking { edges, ranked }
}

impl Ranking {
    fn in_order(&self) -> impl Iterator<Item = (&Edge, &Ranked)> {
        self.ranked.iter().filter_map(|ranked| Some((self.edges.get(ranked.index)?, ranked)))
    }

    /// The edges in the form of the API; `base` is this Worker's own address.
    pub fn views(&self, base: &str) -> Vec<EdgeView> {
        self.in_order().map(|(edge, ranked)| EdgeView::of(edge, ranked, base)).collect()
    }

    /// Assigns parts to the best edge of each address, in proportion to the scores; edges below 80 % of the best score get none.
    pub fn assign(&self, base: &str, parts: &[u16]) -> Vec<Assignment> {
        let best = self.ranked.first().map_or(0.0, |ranked| ranked.score);
        let mut addresses: Vec<&str> = Vec::new();
        let mut chosen = Vec::new();
        for (edge, ranked) in self.in_order() {
            let address = edge.url.as_deref().unwrap_or(base);
            if !addresses.contains(&address) && ranked.score >= best * MIN_SCORE_SHARE {
                addresses.push(address);
                chosen.push((edge.id.to_string(), ranked.score.max(0.01).powi(2)));
            }
        }
        assign(&chosen, parts)
    }
}
