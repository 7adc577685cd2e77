//! SQL of edges, their metrics and their usage patterns.

use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::edges::edge::Edge;
use crate::edges::metrics::hours::Hour;

/// Maximum number of edges.
pub const MAX_EDGES: u64 = 500;

macro_rules! edge_query {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, city, country, continent, lat, lon, colo, url, capacity_mbps, status, region, updated_at FROM edge_locations ",
            $rest
        )
    };
}

const LIST: &str = edge_query!("WHERE id > '' ORDER BY id LIMIT ?1");

const BY_ID: &str = edge_query!("WHERE id = ?1");

const INSERT: &str = "INSERT INTO edge_locations (id, name, city, country, continent, lat, lon, colo, url, capacity_mbps, status, updated_at, region) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?14 \
     WHERE NOT EXISTS (SELECT 1 FROM edge_locations WHERE id > '' ORDER BY id LIMIT 1 OFFSET ?13) \
     ON CONFLICT (id) DO NOTHING RETURNING id";

const UPDATE: &str = "UPDATE edge_locations SET name = ?2, city = ?3, country = ?4, continent = ?5, lat = ?6, lon = ?7, colo = ?8, url = ?9, \
     capacity_mbps = ?10, status = ?11, updated_at = MAX(?12, updated_at + 1), region = ?14 WHERE id = ?1 AND updated_at = ?13 RETURNING id";

const DELETE: &str = "DELETE FROM edge_locations WHERE id = ?1 RETURNING id";

const ADD_HOUR: &str = "INSERT INTO edge_metrics (edge, hour, samples, failures, bytes, busy_ms, probes, probe_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
     ON CONFLICT (edge, hour) DO UPDATE SET samples = samples + excluded.samples, failures = failures + excluded.failures, bytes = MIN(bytes + excluded.bytes, 9007199254740991), \
     busy_ms = busy_ms + excluded.busy_ms, probes = probes + excluded.probes, probe_ms = probe_ms + excluded.probe_ms";

const HOURS: &str =
    "SELECT hour, samples, failures, bytes, busy_ms, probes, probe_ms FROM edge_metrics WHERE edge = ?1 AND hour >= ?2 ORDER BY hour LIMIT ?3";

const ADD_PATTERN: &str = "INSERT INTO upload_patterns (country, edge, hour_of_day, uploads, parts, bytes, upload_ms) SELECT ?2, ?3, ?4, 1, ?5, ?6, ?7 \
     WHERE EXISTS (SELECT 1 FROM upload_sessions WHERE id = ?1 AND status = 'open') ON CONFLICT (country, edge, hour_of_day) DO UPDATE SET \
     uploads = uploads + 1, parts = parts + excluded.parts, bytes = bytes + excluded.bytes, upload_ms = upload_ms + excluded.upload_ms";

const HOURS_OF_DAY: &str = "SELECT hour_of_day, SUM(uploads) AS uploads FROM upload_patterns WHERE country = ?1 GROUP BY hour_of_day";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[
    ("LIST", LIST),
    ("BY_ID", BY_ID),
    ("INSERT", INSERT),
    ("UPDATE", UPDATE),
    ("DELETE", DELETE),
    ("ADD_HOUR", ADD_HOUR),
    ("HOURS", HOURS),
    ("ADD_PATTERN", ADD_PATTERN),
    ("HOURS_OF_DAY", HOURS_OF_DAY),
];

/// All edges, ordered by id.
pub fn list() -> Statement {
    Statement { sql: LIST, args: vec![MAX_EDGES.into()] }
}

/// One edge.
pub fn by_id(id: &str) -> Statement {
    Statement { sql: BY_ID, args: vec![id.into()] }
}

fn values(edge: &Edge, now: EpochMs, last: u64) -> Vec<Arg> {
    let Edge { id, name, city, country, continent, lat, lon, colo, url, capacity_mbps, status, region, .. } = edge;
    vec![
        id.as_str().into(),
        name.as_str().into(),
        city.as_str().into(),
        country.as_str().into(),
        continent.as_str().into(),
        (*lat).into(),
        (*lon).into(),
        colo.as_str().into(),
        url.clone().into(),
        (*capacity_mbps).into(),
        status.as_str().into(),
        Arg::Int(now.0),
        last.into(),
        region.clone().into(),
    ]
}

/// Inserts an edge; returns its id, or no row if the id is taken or [`MAX_EDGES`] is reached.
pub fn insert(edge: &Edge, now: EpochMs) -> Statement {
    Statement { sql: INSERT, args: values(edge, now, MAX_EDGES - 1) }
}

/// Updates an edge if it was not changed since it was read (optimistic locking); returns its id, or no row.
pub fn update(edge: &Edge, now: EpochMs) -> Statement {
    Statement { sql: UPDATE, args: values(edge, now, edge.updated_at.0) }
}

/// Deletes an edge; returns its id, or no row. Its metrics are kept.
pub fn delete(id: &str) -> Statement {
    Statement { sql: DELETE, args: vec![id.into()] }
}

/// Adds counts to an hour.
pub fn add_hour(edge: &str, hour: &Hour) -> Statement {
    let Hour { hour, samples, failures, bytes, busy_ms, probes, probe_ms } = *hour;
    let args: [Arg; 8] = [edge.into(), hour.into(), samples.into(), failures.into(), bytes.into(), busy_ms.into(), probes.into(), probe_ms.into()];
    Statement { sql: ADD_HOUR, args: args.into() }
}

/// The hours of an edge from `from` on, ascending, at most `most`.
pub fn hours(edge: &str, from: EpochMs, most: u64) -> Statement {
    Statement { sql: HOURS, args: vec![edge.into(), Arg::Int(from.0), most.into()] }
}

/// The share of one upload that went over one edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Parts, ≥ 1.
    pub parts: u64,
    /// Bytes, ≥ 1.
    pub bytes: u64,
}

/// Counts an upload once: only while its session is open in D1, in the batch that closes it.
pub fn add_pattern(session: &str, country: &str, edge: &str, share: Share, upload_ms: u64, now: EpochMs) -> Statement {
    let hour_of_day = now.0 / 3_600_000 % 24;
    let args: [Arg; 7] = [session.into(), country.into(), edge.into(), hour_of_day.into(), share.parts.into(), share.bytes.into(), upload_ms.into()];
    Statement { sql: ADD_PATTERN, args: args.into() }
}

/// Uploads of a country by hour of the day, over all edges: at most 24 rows, from at most 24 for each edge.
pub fn hours_of_day(country: &str) -> Statement {
    Statement { sql: HOURS_OF_DAY, args: vec![country.into()] }
}
