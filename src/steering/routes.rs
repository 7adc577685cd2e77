//! `POST /api/jetty/optimal-edges`, `GET /api/edges`, `GET /api/edges/{id}/metrics`.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;

use super::assign::{Assignment, assign};
use super::draw::{Draw, WINDOW_MS};
use super::edge::{Edge, EdgeView};
use super::estimate::Estimate;
use super::geo::{GeoHint, Location};
use super::metrics::hours::{HOUR_MS, Hour, HourView};
use super::metrics::wire::{Message, Numbers};
use super::metrics::{Reading, snapshot};
use super::score::{Asker, Ranked, rank};
use super::{operators, registry, store};
use crate::dedup::{self, duplicate::DuplicateView};
use crate::http::auth::Caller;
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::ids::{Id, Name};
use crate::namespaces;
use crate::platform::{bindings, clock, d1, objects};
use crate::problem::Problem;
use crate::units::{EpochMs, insert_sorted};
use crate::upload::plan::{Strategy, plan};
use crate::upload::request::{self, OptimalEdges, Priority};

/// How many edges are told if nobody says how many; the most that are.
pub const EDGES: usize = 5;
const MOST_EDGES: u32 = 100;
/// The number of askers an isolate remembers what it told.
const MOST_TOLD: usize = 1_000;
/// Edges whose score is below this share of the best one's get no parts.
const WORTH_IT: f64 = 0.8;

/// Account, priority, place in whole degrees.
type AskerKey = (Id, Priority, Option<(i16, i16)>);

/// Who was told which scores of which list of edges.
struct Told {
    key: AskerKey,
    edges: Rc<Vec<Edge>>,
    /// By place in the list.
    scores: Vec<Option<f64>>,
}

thread_local! {
    /// The scores that askers were told last, by edge.
    static TOLD: RefCell<Vec<Told>> = RefCell::default();
}

/// Edges in their order for one asker.
pub struct Ranking {
    edges: Rc<Vec<Edge>>,
    ranked: Vec<Ranked>,
}

/// Ranks the edges for an account: the `count` best, the one it is to try among them. Without a database there are none: parts come here, then.
pub async fn ranking(call: &Routed, account: Id, priority: Priority, from: &GeoHint, count: usize) -> Ranking {
    let edges = registry::edges(call).await.unwrap_or_default();
    let readings = snapshot::get(call).await;
    let now = clock::now();
    let place = from.place();
    // Within ±90 and ±180.
    #[allow(clippy::cast_possible_truncation)]
    let key = (account, priority, place.map(|Location { lat, lon }| (lat.round() as i16, lon.round() as i16)));
    let before = TOLD.with_borrow(|told| {
        let told = told.iter().find(|told| told.key == key && Rc::ptr_eq(&told.edges, &edges));
        told.map_or_else(|| vec![None; edges.len()], |told| told.scores.clone())
    });
    let asker = Asker { place, priority, draw: Draw::of(&account.to_string(), now, WINDOW_MS), now };
    let place_of = |edge: &Edge| edges.binary_search_by(|known| known.id.as_str().cmp(edge.id.as_str())).ok();
    let told = |edge: &Edge| place_of(edge).and_then(|index| before.get(index).copied().flatten());
    let mut ranked = rank(&edges, |edge| snapshot::of(&readings, edge.id.as_str()), asker, told);
    let mut scores = vec![None; edges.len()];
    for ranked in &ranked {
        if let Some(score) = scores.get_mut(ranked.index) {
            *score = Some(ranked.score);
        }
    }
    TOLD.with_borrow_mut(|all| {
        all.retain(|told| told.key != key);
        if all.len() >= MOST_TOLD {
            all.clear();
        }
        all.push(Told { key, edges: Rc::clone(&edges), scores });
    });
    let cut = ranked.split_off(ranked.len().min(count));
    if let Some(probe) = cut.into_iter().find(|edge| edge.probe)
        && count > 1
    {
        // In the place of the last, not besides: who asks for so many gets no more.
        ranked.pop();
        ranked.push(probe);
    }
    Ranking { edges, ranked }
}

impl Ranking {
    fn in_order(&self) -> impl Iterator<Item = (&Edge, &Ranked)> {
        self.ranked.iter().filter_map(|ranked| Some((self.edges.get(ranked.index)?, ranked)))
    }

    /// As clients see it; `base` is this Worker's own address.
    pub fn views(&self, base: &str) -> Vec<EdgeView> {
        self.in_order().map(|(edge, ranked)| EdgeView::of(edge, ranked, base)).collect()
    }

    /// Which part to send where: to the best edge of each address, those that are worth it, in proportion to their scores.
    pub fn assign(&self, base: &str, parts: &[u16]) -> Vec<Assignment> {
        let best = self.ranked.first().map_or(0.0, |ranked| ranked.score);
        let mut addresses: Vec<&str> = Vec::new();
        let mut chosen = Vec::new();
        for (edge, ranked) in self.in_order() {
            let address = edge.url.as_deref().unwrap_or(base);
            if !addresses.contains(&address) && ranked.score >= best * WORTH_IT {
                addresses.push(address);
                chosen.push((edge.id.to_string(), ranked.score.max(0.01).powi(2)));
            }
        }
        assign(&chosen, parts)
    }
}

#[derive(Serialize)]
struct Optimal {
    edges: Vec<EdgeView>,
    assignments: Vec<Assignment>,
    strategy: Strategy,
    duplicate: Option<DuplicateView>,
    client: GeoHint,
}

/// The edges and the plan for an upload. Tier limits do not apply here.
pub async fn optimal_edges(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let wanted: OptimalEdges = call.json(MAX_BODY).await?;
    request::check_file_size(wanted.file_size)?;
    if let Some(name) = &wanted.file_name {
        request::check_file_name("fileName", name)?;
    }
    let hash = request::check_hash("fileHash", wanted.file_hash.as_deref())?;
    request::check_content_type(wanted.content_type.as_deref(), wanted.file_name.as_deref().unwrap_or_default())?;
    let place = wanted.location.map(|place| place.check()).transpose()?;
    let count = match wanted.count {
        Some(count) if !(1..=MOST_EDGES).contains(&count) => {
            return Err(Problem::Invalid { field: "count", detail: "must be from 1 to 100".to_owned() });
        }
        count => count.map_or(EDGES, |count| count as usize),
    };
    account.must_be_active()?;
    let namespace = namespaces::routes::for_upload(call, &account, None).await?;
    let strategy = plan(wanted.file_size, namespace.chunk_size, &call.config.plan)?;
    let duplicate = match hash {
        Some(hash) => Some(dedup::routes::duplicate(call, &account, &hash, wanted.file_size).await?).filter(DuplicateView::is_one),
        None => None,
    };
    let client = call.geo().at(place);
    let ranking = ranking(call, account.id, wanted.priority, &client, count).await;
    let parts: Vec<u16> = (1..=strategy.chunk_count).filter_map(|part| u16::try_from(part).ok()).collect();
    let (edges, assignments) = (ranking.views(&call.base), ranking.assign(&call.base, &parts));
    Reply::json(200, &Optimal { edges, assignments, strategy, duplicate, client })
}

/// All edges by id, or by their distance from `near`.
pub async fn edges(call: &Routed) -> Result<Reply, Problem> {
    let near = match call.query("near") {
        Some(text) => {
            Some(Location::parse(&text).ok_or_else(|| Problem::Invalid { field: "near", detail: "must be lat,lon in degrees".to_owned() })?)
        }
        None => None,
    };
    let edges = registry::edges(call).await?;
    let mut sorted = Vec::with_capacity(edges.len());
    for edge in edges.iter() {
        let km = near.map_or(0.0, |near| near.km_to(edge.place()));
        insert_sorted(&mut sorted, (km, edge), |a: &(f64, &Edge), b| a.0 < b.0);
    }
    let list: Vec<&Edge> = sorted.into_iter().map(|(_, edge)| edge).collect();
    Reply::json(200, &list)
}

/// What is known of an edge now, and its hours.
pub async fn metrics(call: &Routed) -> Result<Reply, Problem> {
    let period = call.query("period").unwrap_or_else(|| "24h".to_owned());
    let hours = match period.as_str() {
        "24h" => 24,
        "7d" => 7 * 24,
        "30d" => 30 * 24,
        _ => return Err(Problem::Invalid { field: "period", detail: "must be 24h, 7d or 30d".to_owned() }),
    };
    if let Caller::Account(account) = &*call.caller {
        account.must_be_active()?;
    }
    let edge = operators::named(call).await?;
    let now = clock::now();
    let from = now.0 - now.0 % HOUR_MS;
    let from = EpochMs(from.saturating_sub((hours - 1) * HOUR_MS));
    let rows: Vec<Hour> = d1::all(&bindings::db(&call.env)?, &store::hours(edge.id.as_str(), from, hours)).await?;
    let numbers: Option<Numbers> = match bindings::edges(&call.env) {
        Some(objects) => objects::tell(&objects, edge.id.as_str(), &Message::default().0, false).await?,
        None => None,
    };
    let reading = numbers.as_deref().and_then(Reading::of);
    let estimate = Estimate::of(None, edge.capacity_mbps as f64, reading.as_ref(), 1.0, now);
    let mut total = Hour::default();
    rows.iter().for_each(|hour| total.merge(hour));
    let value = |pair: fn(&Reading) -> Option<(f64, f64)>| reading.as_ref().and_then(pair).map(|(value, _)| value);
    let now = NowView {
        latency_ms: value(|reading| reading.latency_ms),
        bandwidth_mbps: value(|reading| reading.mbps),
        error_rate: value(|reading| reading.errors),
        load_percent: estimate.load * 100.0,
        confidence: estimate.confidence,
    };
    Reply::json(200, &MetricsView { edge: edge.id, period, now, total: total.view(), series: rows.iter().map(Hour::view).collect() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NowView {
    latency_ms: Option<f64>,
    bandwidth_mbps: Option<f64>,
    error_rate: Option<f64>,
    load_percent: f64,
    confidence: f64,
}

#[derive(Serialize)]
struct MetricsView {
    edge: Name,
    period: String,
    now: NowView,
    total: HourView,
    series: Vec<HourView>,
}
