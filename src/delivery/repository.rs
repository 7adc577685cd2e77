//! SQL of delivery statistics (docs/delivery.md, Statistics).

use serde::Deserialize;

use crate::base::id::Name;
use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;

/// An hour, ms.
const HOUR_MS: u64 = 3_600_000;

const ADD: &str = "INSERT INTO delivery_hourly (namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests) \
     SELECT n.name, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM namespaces n WHERE n.name = ?1 \
     ON CONFLICT (namespace, class, hour) DO UPDATE SET requests = requests + excluded.requests, hits = hits + excluded.hits, \
     bytes_from_cache = bytes_from_cache + excluded.bytes_from_cache, bytes_from_origin = bytes_from_origin + excluded.bytes_from_origin, \
     cmcd_requests = cmcd_requests + excluded.cmcd_requests";

const TOTAL: &str = "SELECT COALESCE(SUM(requests), 0) AS requests, COALESCE(SUM(hits), 0) AS hits, COALESCE(SUM(bytes_from_cache), 0) AS bytes_from_cache, \
     COALESCE(SUM(bytes_from_origin), 0) AS bytes_from_origin, COALESCE(SUM(cmcd_requests), 0) AS cmcd_requests FROM delivery_hourly WHERE namespace = ?1";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[("ADD", ADD), ("TOTAL", TOTAL)];

/// Delivery counters.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct Count {
    /// Responses with content.
    pub requests: u64,
    /// Of these, responses for which the origin was not asked.
    pub hits: u64,
    /// Bytes served without reading the origin.
    pub bytes_from_cache: u64,
    /// Bytes read from the origin.
    pub bytes_from_origin: u64,
    /// Requests with CMCD data (CTA-5004).
    pub cmcd_requests: u64,
}

/// Adds `count` to the hour that contains `now`.
pub fn add(namespace: &Name, class: &str, count: &Count, now: EpochMs) -> Statement {
    let args: [Arg; 8] = [
        namespace.as_str().into(),
        class.into(),
        Arg::Int(now.0 - now.0 % HOUR_MS),
        count.requests.into(),
        count.hits.into(),
        count.bytes_from_cache.into(),
        count.bytes_from_origin.into(),
        count.cmcd_requests.into(),
    ];
    Statement { sql: ADD, args: args.into() }
}

/// The counters of a namespace, summed over all classes and hours: one [`Count`].
pub fn total(namespace: &Name) -> Statement {
    Statement { sql: TOTAL, args: vec![namespace.as_str().into()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_to_the_hour_that_has_the_instant() {
        let hour = |at| add(&Name::parse("n").unwrap(), "small", &Count::default(), EpochMs(at)).args.get(2).cloned();
        assert_eq!([hour(0), hour(HOUR_MS - 1), hour(HOUR_MS), hour(5 * HOUR_MS + 7)], [0, 0, HOUR_MS, 5 * HOUR_MS].map(|at| Some(Arg::Int(at))));
    }
}
