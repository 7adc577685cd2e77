//! SQL that writes delivery statistics (docs/delivery.md, Statistics); [`crate::analytics::repository`] reads them.

use crate::base::sql::{Arg, Statement};
use crate::base::time::{EpochMs, HOUR_MS};

// All rows of a flush in one statement, for one row written each. The number of statements in a batch is limited (D1 documentation, "Limits").
const ADD: &str = "INSERT INTO delivery_hourly (namespace, class, hour, requests, hits, bytes_from_cache, bytes_from_origin, cmcd_requests, bytes_sent, \
     saved_usd, answers_2xx, answers_3xx, answers_4xx, answers_5xx, first_ms, first_1, first_2, first_5, first_10, first_20, first_50, first_100, first_200, \
     first_500, first_1000, first_2000, first_5000, first_more, countries) \
     SELECT n.name, value ->> 1, ?2, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, \
     value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19, value ->> 20, value ->> 21, \
     value ->> 22, value ->> 23, value ->> 24, value ->> 25, value ->> 26, value -> 27 \
     FROM json_each(?1) CROSS JOIN namespaces n WHERE n.name = value ->> 0 \
     ON CONFLICT (namespace, class, hour) DO UPDATE SET requests = requests + excluded.requests, hits = hits + excluded.hits, \
     bytes_from_cache = bytes_from_cache + excluded.bytes_from_cache, bytes_from_origin = bytes_from_origin + excluded.bytes_from_origin, \
     cmcd_requests = cmcd_requests + excluded.cmcd_requests, bytes_sent = bytes_sent + excluded.bytes_sent, saved_usd = saved_usd + excluded.saved_usd, \
     answers_2xx = answers_2xx + excluded.answers_2xx, answers_3xx = answers_3xx + excluded.answers_3xx, answers_4xx = answers_4xx + excluded.answers_4xx, \
     answers_5xx = answers_5xx + excluded.answers_5xx, first_ms = first_ms + excluded.first_ms, first_1 = first_1 + excluded.first_1, \
     first_2 = first_2 + excluded.first_2, first_5 = first_5 + excluded.first_5, first_10 = first_10 + excluded.first_10, first_20 = first_20 + excluded.first_20, \
     first_50 = first_50 + excluded.first_50, first_100 = first_100 + excluded.first_100, first_200 = first_200 + excluded.first_200, \
     first_500 = first_500 + excluded.first_500, first_1000 = first_1000 + excluded.first_1000, first_2000 = first_2000 + excluded.first_2000, \
     first_5000 = first_5000 + excluded.first_5000, first_more = first_more + excluded.first_more, \
     countries = (SELECT json_group_object(t.key, t.total) FROM (SELECT u.key, SUM(u.value) AS total FROM \
       (SELECT key, value FROM json_each(delivery_hourly.countries) UNION ALL SELECT key, value FROM json_each(excluded.countries)) u GROUP BY u.key) t)";

/// The statements of this file, for the test that prepares them.
pub const ALL: &[(&str, &str)] = &[("ADD", ADD)];

/// Adds the rows of [`crate::delivery::count::rows`] to the hour that contains `now`. Rows of namespaces that are not there are left out.
pub fn add(rows: &str, now: EpochMs) -> Statement {
    Statement { sql: ADD, args: vec![rows.into(), Arg::Int(now.0 - now.0 % HOUR_MS)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_to_the_hour_that_has_the_instant() {
        let hour = |at| add("[]", EpochMs(at)).args.get(1).cloned();
        assert_eq!([hour(0), hour(HOUR_MS - 1), hour(HOUR_MS), hour(5 * HOUR_MS + 7)], [0, 0, HOUR_MS, 5 * HOUR_MS].map(|at| Some(Arg::Int(at))));
    }
}
