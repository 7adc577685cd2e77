//! The answer of `GET /api/portal/analytics` (docs/api.md), out of the rows of both periods.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analytics::figures::{Delivery, Gathered, OverEdge, UploadCounts, by_country, percent};
use crate::analytics::period::Period;
use crate::analytics::rows::Uploaded;
use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::base::units::GB;

/// Maximum number of pairs of country and edge that are told.
const MAX_ORIGINS: usize = 200;

/// Figures of a namespace, or of all that the caller may see, in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Analytics"))]
pub struct Report {
    /// `24h`, `7d` or `30d`.
    pub period: &'static str,
    /// The namespace that was asked for.
    pub namespace: Option<Name>,
    /// Of the whole period.
    #[serde(flatten)]
    pub totals: Totals,
    /// Delivery by class.
    pub breakdown: Breakdown,
    /// Uploads by edge, the most bytes first.
    pub by_edge: Vec<EdgeShare>,
    /// Where uploads came from and over which edge, the most bytes first.
    pub by_origin: Vec<OriginShare>,
    /// Delivery by country, the most bytes first.
    pub by_country: Vec<CountryShare>,
    /// By hour or day, ascending, without gaps.
    pub series: Vec<Point>,
    /// The totals of the period before.
    pub previous: Totals,
}

/// Totals of a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// Hits in percent of the requests, two decimals; 0 without requests.
    pub hit_rate: f64,
    /// Answers with content.
    pub total_requests: u64,
    /// Of these, answers for which the store was not asked.
    pub cache_hits: u64,
    /// Bytes served without reading the store.
    pub bytes_from_cache: u64,
    /// Bytes read from the store.
    pub bytes_from_origin: u64,
    /// Mean time until the first byte, ms; null where none was measured. So are the following.
    pub avg_latency_ms: Option<f64>,
    /// Median, ms.
    pub p50_latency_ms: Option<f64>,
    /// 95th percentile, ms.
    pub p95_latency_ms: Option<f64>,
    /// What reading `bytes_from_cache` from the store would have cost.
    pub cost_saved_usd: f64,
    /// Answers of all kinds by class of status.
    pub statuses: Statuses,
    /// Uploads.
    pub uploads: UploadTotals,
    /// Deduplication.
    pub dedup: DedupTotals,
}

/// Answers by class of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statuses {
    /// With or without content.
    #[serde(rename = "2xx")]
    pub success: u64,
    /// Not modified.
    #[serde(rename = "3xx")]
    pub redirection: u64,
    /// Refused.
    #[serde(rename = "4xx")]
    pub client_error: u64,
    /// The store or this service failed.
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

impl From<[u64; 4]> for Statuses {
    fn from([success, redirection, client_error, server_error]: [u64; 4]) -> Statuses {
        Statuses { success, redirection, client_error, server_error }
    }
}

/// Totals of uploads.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UploadTotals {
    /// That began.
    pub started: u64,
    /// That became a file.
    pub completed: u64,
    /// That failed.
    pub failed: u64,
    /// That expired.
    pub expired: u64,
    /// Failed and expired ones by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Median speed of completed ones, Mbit/s; null where none was measured.
    pub p50_mbps: Option<f64>,
    /// 95th percentile.
    pub p95_mbps: Option<f64>,
}

/// Totals of deduplication.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DedupTotals {
    /// Bytes that did not have to be sent, because the namespace stores them.
    pub bytes_saved: u64,
    /// What storing those would cost that are not stored again.
    pub usd_saved: f64,
}

/// Delivery by class.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Breakdown {
    /// Under 10 MB, no text.
    pub small_files: ClassShare,
    /// Text under 10 MB.
    pub text_files: ClassShare,
    /// From 10 MB on.
    pub large_files: ClassShare,
    /// Files of videos.
    pub video_streams: ClassShare,
}

/// Delivery of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassShare {
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Percent.
    pub hit_rate: f64,
    /// Bytes that left.
    pub bytes: u64,
}

/// Uploads over an edge.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EdgeShare {
    /// Its id, or the PoP's name.
    pub edge: String,
    /// Completed uploads with parts over it.
    pub uploads: u64,
    /// Bytes of these that went over it.
    pub bytes: u64,
    /// Median of their speeds over it, Mbit/s; null where none was measured.
    pub p50_mbps: Option<f64>,
    /// Uploads with parts over it that failed or expired.
    pub errors: u64,
}

/// Uploads from a country over an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OriginShare {
    /// ISO 3166-1 alpha-2 of whoever completed the upload; XX where it is not known.
    pub country: String,
    /// The edge's id, or the PoP's name.
    pub edge: String,
    /// Bytes of completed uploads.
    pub bytes: u64,
}

/// Delivery to a country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CountryShare {
    /// ISO 3166-1 alpha-2; XX where it is not known.
    pub country: String,
    /// Answers with content.
    pub requests: u64,
    /// Bytes that left.
    pub bytes: u64,
}

/// An hour or a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Point {
    /// Its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
    /// The date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Answers with content.
    pub requests: u64,
    /// Of these, answers for which the store was not asked.
    pub hits: u64,
    /// Bytes served without reading the store.
    pub bytes_from_cache: u64,
    /// Bytes read from the store.
    pub bytes_from_origin: u64,
    /// 95th percentile of the time until the first byte, ms; null where none was measured.
    pub p95_latency_ms: Option<f64>,
    /// Completed uploads.
    pub uploads: u64,
    /// Answers with content of each class.
    pub by_class: ByClass,
}

/// Answers with content by class, as in [`Breakdown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ByClass {
    /// Under 10 MB, no text.
    pub small_files: u64,
    /// Text under 10 MB.
    pub text_files: u64,
    /// From 10 MB on.
    pub large_files: u64,
    /// Files of videos.
    pub video_streams: u64,
}

fn totals(delivery: &Delivery, uploads: &[&Uploaded], counts: &UploadCounts, dedup_usd_per_gb: f64) -> Totals {
    let sum = |figure: fn(&Uploaded) -> u64| uploads.iter().map(|row| figure(row)).fold(0, u64::saturating_add);
    let stored = sum(|row| row.saved_bytes);
    Totals {
        hit_rate: delivery.hit_rate(),
        total_requests: delivery.requests,
        cache_hits: delivery.hits,
        bytes_from_cache: delivery.bytes_from_cache,
        bytes_from_origin: delivery.bytes_from_origin,
        avg_latency_ms: delivery.mean_ms(),
        p50_latency_ms: delivery.first_byte.quantile(0.5),
        p95_latency_ms: delivery.first_byte.quantile(0.95),
        cost_saved_usd: delivery.saved_usd,
        statuses: delivery.answers.into(),
        uploads: UploadTotals {
            started: sum(|row| row.started),
            completed: sum(|row| row.completed),
            failed: sum(|row| row.failed),
            expired: sum(|row| row.expired),
            reasons: counts.reasons.clone(),
            p50_mbps: counts.speeds.quantile(0.5),
            p95_mbps: counts.speeds.quantile(0.95),
        },
        // Sizes are below 2^53: exact in f64.
        dedup: DedupTotals {
            bytes_saved: stored.saturating_add(sum(|row| row.copied_bytes)),
            usd_saved: stored as f64 / GB as f64 * dedup_usd_per_gb,
        },
    }
}

fn edge_shares(counts: UploadCounts) -> Vec<EdgeShare> {
    let share = |(edge, OverEdge { uploads, bytes, errors, speeds })| EdgeShare { edge, uploads, bytes, p50_mbps: speeds.quantile(0.5), errors };
    let mut shares: Vec<EdgeShare> = counts.edges.into_iter().map(share).collect();
    // Equal ones stay in the order of their names.
    shares.sort_by_key(|share| std::cmp::Reverse(share.bytes));
    shares
}

fn origin_shares(counts: UploadCounts) -> Vec<OriginShare> {
    let mut shares: Vec<OriginShare> = counts.origins.into_iter().map(|((country, edge), bytes)| OriginShare { country, edge, bytes }).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.bytes));
    shares.truncate(MAX_ORIGINS);
    shares
}

impl Report {
    /// The report at `now`. Rows outside of both periods are left out.
    pub fn of(period: Period, namespace: Option<Name>, now: EpochMs, gathered: &Gathered, dedup_usd_per_gb: f64) -> Report {
        let frame = period.frame(now);
        let is_current = |at: EpochMs| at >= frame.from;
        let is_previous = |at: EpochMs| at >= frame.previous && at < frame.from;
        let current = || gathered.delivered.iter().filter(|row| is_current(row.at));
        let class = |class: &str| {
            let sum = Delivery::of(current().filter(|row| row.class == class));
            ClassShare { requests: sum.requests, hits: sum.hits, hit_rate: percent(sum.hits, sum.requests), bytes: sum.bytes_sent }
        };
        let counts = |current: bool| UploadCounts::of(gathered.counts.iter().filter(move |row| row.current == current));
        let uploads = |is_of: &dyn Fn(EpochMs) -> bool| gathered.uploaded.iter().filter(|row| is_of(row.at)).collect::<Vec<_>>();
        let before = Delivery::of(gathered.delivered.iter().filter(|row| is_previous(row.at)));
        let point = |start: EpochMs| {
            let ends = start.plus(frame.step);
            let rows = || gathered.delivered.iter().filter(|row| row.at >= start && row.at < ends);
            let sum = Delivery::of(rows());
            let requests = |class: &str| rows().filter(|row| row.class == class).map(|row| row.requests).fold(0, u64::saturating_add);
            let uploads =
                gathered.uploaded.iter().filter(|row| row.at >= start && row.at < ends).map(|row| row.completed).fold(0, u64::saturating_add);
            let label = frame.label(start);
            let (hour, day) = if frame.is_by_day() { (None, Some(label)) } else { (Some(label), None) };
            Point {
                hour,
                day,
                requests: sum.requests,
                hits: sum.hits,
                bytes_from_cache: sum.bytes_from_cache,
                bytes_from_origin: sum.bytes_from_origin,
                p95_latency_ms: sum.first_byte.quantile(0.95),
                uploads,
                by_class: ByClass {
                    small_files: requests("small"),
                    text_files: requests("text"),
                    large_files: requests("large"),
                    video_streams: requests("video"),
                },
            }
        };
        let countries = by_country(gathered.countries.iter().filter(|row| row.current)).into_iter();
        Report {
            period: period.as_str(),
            namespace,
            totals: totals(&Delivery::of(current()), &uploads(&is_current), &counts(true), dedup_usd_per_gb),
            breakdown: Breakdown {
                small_files: class("small"),
                text_files: class("text"),
                large_files: class("large"),
                video_streams: class("video"),
            },
            by_edge: edge_shares(counts(true)),
            by_origin: origin_shares(counts(true)),
            by_country: countries.map(|(country, requests, bytes)| CountryShare { country, requests, bytes }).collect(),
            series: frame.starts().map(point).collect(),
            previous: totals(&before, &uploads(&is_previous), &counts(false), dedup_usd_per_gb),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::analytics::rows::{Delivered, Named};
    use crate::base::histogram::Histogram;
    use crate::base::time::{DAY_MS, HOUR_MS};

    const NOW: EpochMs = EpochMs(1_000 * DAY_MS + 5 * HOUR_MS + 7);

    fn delivered(at: u64, class: &str, requests: u64, hits: u64, ms: f64) -> Delivered {
        let mut first_byte = Histogram::default();
        (0..requests).for_each(|_| first_byte.add(ms));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let first_ms = ms as u64 * requests;
        Delivered {
            at: EpochMs(at),
            class: class.into(),
            requests,
            hits,
            bytes_from_cache: 10 * hits,
            bytes_from_origin: 10 * (requests - hits),
            cmcd_requests: 0,
            bytes_sent: 10 * requests,
            saved_usd: 0.5,
            answers: [requests, 1, 2, 3],
            first_ms,
            first_byte,
        }
    }

    fn uploaded(at: u64, completed: u64) -> Uploaded {
        Uploaded { at: EpochMs(at), started: completed + 1, completed, failed: 1, expired: 2, saved_bytes: 2_000_000_000, copied_bytes: 5 }
    }

    fn named(current: bool, key: &str, value: u64) -> Named {
        Named { current, key: key.into(), value }
    }

    #[test]
    fn rows_are_summed_by_period_class_and_day_and_the_period_before_apart() {
        let today = 1_000 * DAY_MS;
        let gathered = Gathered {
            delivered: vec![
                delivered(today, "small", 3, 2, 15.0),
                // From another database.
                delivered(today, "small", 1, 1, 15.0),
                delivered(today - 6 * DAY_MS, "video", 4, 0, 150.0),
                delivered(today - 7 * DAY_MS, "text", 10, 10, 1.0),
                delivered(today - 13 * DAY_MS, "text", 1, 0, 1.0),
                delivered(today - 14 * DAY_MS, "text", 100, 0, 1.0),
            ],
            uploaded: vec![uploaded(today, 2), uploaded(today - 7 * DAY_MS, 4), uploaded(today - 14 * DAY_MS, 9)],
            countries: vec![named(true, "r:DE", 8), named(true, "b:DE", 80), named(false, "r:FR", 11)],
            counts: vec![
                named(true, "u:fra", 2),
                named(true, "b:fra", 9),
                named(true, "o:CH:fra", 2),
                named(true, "o:DE:fra", 7),
                named(false, "o:FR:fra", 5),
                named(true, "s:4", 2),
                named(false, "s:0", 1),
                named(true, "w:client", 1),
            ],
        };
        let report = Report::of(Period::Week, Name::parse("n"), NOW, &gathered, 0.1);
        let view = serde_json::to_value(&report).unwrap();
        let Totals { total_requests, cache_hits, bytes_from_cache, bytes_from_origin, hit_rate, .. } = report.totals;
        assert_eq!((total_requests, cache_hits, bytes_from_cache, bytes_from_origin, hit_rate), (8, 3, 30, 50, 37.5));
        assert_eq!((&view["period"], &view["namespace"], &view["cost_saved_usd"]), (&json!("7d"), &json!("n"), &json!(1.5)));
        assert_eq!((&view["avg_latency_ms"], &view["p50_latency_ms"], &view["p95_latency_ms"]), (&json!(82.5), &json!(20.0), &json!(190.0)));
        assert_eq!(view["breakdown"]["small_files"], json!({ "requests": 4, "hits": 3, "hit_rate": 75.0, "bytes": 40 }));
        assert_eq!(view["breakdown"]["video_streams"], json!({ "requests": 4, "hits": 0, "hit_rate": 0.0, "bytes": 40 }));
        assert_eq!(view["breakdown"]["text_files"]["requests"], 0);
        assert_eq!(view["statuses"], json!({ "2xx": 8, "3xx": 3, "4xx": 6, "5xx": 9 }));
        assert_eq!(
            view["uploads"],
            json!({ "started": 3, "completed": 2, "failed": 1, "expired": 2, "reasons": { "client": 1 }, "p50_mbps": 15.0, "p95_mbps": 19.5 })
        );
        assert_eq!(view["dedup"], json!({ "bytes_saved": 2_000_000_005_u64, "usd_saved": 0.2 }));
        assert_eq!(view["by_edge"], json!([{ "edge": "fra", "uploads": 2, "bytes": 9, "p50_mbps": null, "errors": 0 }]));
        assert_eq!(view["by_origin"], json!([{ "country": "DE", "edge": "fra", "bytes": 7 }, { "country": "CH", "edge": "fra", "bytes": 2 }]));
        assert_eq!(view["by_country"], json!([{ "country": "DE", "requests": 8, "bytes": 80 }]));
        assert_eq!((report.series.len(), &view["series"][1]["requests"]), (7, &json!(0)));
        assert_eq!(
            view["series"][6],
            json!({
                "day": "1972-09-27", "requests": 4, "hits": 3, "bytes_from_cache": 30, "bytes_from_origin": 10, "p95_latency_ms": 19.5, "uploads": 2,
                "by_class": { "small_files": 4, "text_files": 0, "large_files": 0, "video_streams": 0 },
            })
        );
        let previous = &view["previous"];
        assert_eq!((&previous["total_requests"], &previous["cache_hits"], &previous["uploads"]["completed"]), (&json!(11), &json!(10), &json!(4)));
        assert_eq!((&previous["uploads"]["p50_mbps"], &previous["dedup"]["bytes_saved"]), (&json!(0.5), &json!(2_000_000_005_u64)));
    }

    #[test]
    fn report_without_rows_has_zeros_and_nulls_for_what_was_not_measured() {
        let report = Report::of(Period::Day, None, NOW, &Gathered::default(), 0.1);
        let view = serde_json::to_value(&report).unwrap();
        assert_eq!(
            (&view["namespace"], &view["hit_rate"], &view["p95_latency_ms"], &view["uploads"]["p50_mbps"]),
            (&json!(null), &json!(0.0), &json!(null), &json!(null))
        );
        assert_eq!(view["series"][23]["hour"], "1972-09-27T05:00:00.000Z");
        assert_eq!(report.series.len(), 24);
    }
}
