//! `jetty edges`: the ranked edges and the terms of their scores.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use jettyspeed_client::api::{EdgesQuery, Location, RankedEdge};
use jettyspeed_client::text::printable;
use jettyspeed_client::{Edge, Error};
use serde_json::{Value, json};

use crate::show::Show;

/// Arguments of `jetty edges`.
#[derive(Args)]
pub struct EdgesArgs {
    /// Rank for a file of this size, bytes
    #[arg(long, default_value_t = 1_000_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    size: u64,
    /// Ranking priority
    #[arg(long, value_parser = ["balanced", "speed", "cost"])]
    priority: Option<String>,
    /// Rank for this location, degrees; by default the location that the server determines
    #[arg(long, value_name = "LAT,LON", value_parser = place, allow_hyphen_values = true)]
    near: Option<Location>,
    /// Maximum number of edges
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// Plan for an upload into this namespace
    #[arg(long)]
    namespace: Option<String>,
    /// Measure the response time of each edge from here
    #[arg(long)]
    probe: bool,
}

/// Parses `1.35,103.99`.
fn place(text: &str) -> Result<Location, String> {
    let degrees = |text: &str, most: f64| text.trim().parse().ok().filter(|degrees: &f64| degrees.abs() <= most);
    let place = text.split_once(',').and_then(|(lat, lon)| Some(Location { lat: degrees(lat, 90.0)?, lon: degrees(lon, 180.0)? }));
    place.ok_or_else(|| "two numbers are needed, LAT,LON, within ±90 and ±180".to_owned())
}

/// Queries the edges, probes them if requested, and prints the table.
pub async fn command(edge: &Edge, args: &EdgesArgs, show: &Show) -> Result<(), Error> {
    let query = EdgesQuery {
        priority: args.priority.clone(),
        location: args.near,
        count: args.count,
        namespace: args.namespace.clone(),
        ..EdgesQuery::default()
    };
    let advice = edge.edges(args.size, &query).await?;
    let probes = if args.probe { Some(probes(edge, &advice.edges).await) } else { None };
    if show.is_json() {
        let mut answer = json!(advice);
        for shown in answer.get_mut("edges").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            let measured = shown.get("url").and_then(Value::as_str).and_then(|url| probes.as_ref()?.get(url));
            if let Some(ms) = measured.map(|ms| json!(ms)) {
                shown.insert("probeMs".to_owned(), ms);
            }
        }
        show.json(&answer);
    } else {
        for line in table(&advice.edges, probes.as_ref()) {
            show.line(&line);
        }
    }
    Ok(())
}

/// Probe times by URL, ms; None without a response.
type Probes = BTreeMap<String, Option<f64>>;

async fn probes(edge: &Edge, edges: &[RankedEdge]) -> Probes {
    let mut running = tokio::task::JoinSet::new();
    let urls: BTreeSet<_> = edges.iter().map(|edge| edge.url.clone()).collect();
    for url in urls {
        let edge = edge.clone();
        running.spawn(async move {
            let took = edge.probe(&url).await;
            (url, took.as_ref().map(Duration::as_secs_f64).map(|seconds| (seconds * 1e4).round() / 10.0))
        });
    }
    running.join_all().await.into_iter().collect()
}

/// The lines of the table: text columns aligned left, numbers right.
fn table(edges: &[RankedEdge], probes: Option<&Probes>) -> Vec<String> {
    let mut head = vec!["ID", "NAME", "KM", "MS", "LOAD %", "MBIT/S", "ERRORS %", "SCORE", "DISTANCE", "LATENCY", "LOAD", "BANDWIDTH", "ERRORS"];
    head.extend(probes.map(|_| "PROBE MS"));
    let number = |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    let row = |edge: &RankedEdge| {
        let terms = &edge.terms;
        let mut cells = vec![
            printable(&edge.id),
            if edge.name.is_empty() { "-".to_owned() } else { printable(&edge.name) },
            number(edge.distance_km, 0),
            number(edge.latency_ms, 0),
            number(edge.load_percent, 0),
            number(edge.bandwidth_mbps, 0),
            number(edge.error_rate.map(|rate| rate * 100.0), 1),
            number(Some(edge.score), 3),
        ];
        cells.extend([terms.distance, terms.latency, terms.load, terms.bandwidth, terms.errors].map(|term| number(term, 2)));
        cells.extend(probes.map(|probes| number(probes.get(&edge.url).copied().flatten(), 1)));
        cells
    };
    let rows: Vec<Vec<String>> = std::iter::once(head.into_iter().map(str::to_owned).collect()).chain(edges.iter().map(row)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let cell = |(column, cell): (usize, &String)| {
        let width = width(column);
        if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    };
    rows.iter().map(|row| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jettyspeed_client::api::Terms;

    #[test]
    fn unmeasured_values_are_dashes() {
        let known = RankedEdge {
            id: "SIN".into(),
            name: "Singapore".into(),
            url: "https://a".into(),
            distance_km: Some(12.4),
            error_rate: Some(0.015),
            score: 0.9,
            terms: Terms { distance: Some(0.99), ..Terms::default() },
            ..RankedEdge::default()
        };
        let edges = [known, RankedEdge { id: "X".into(), ..RankedEdge::default() }];
        let cells = |probes| {
            table(&edges, probes)
                .into_iter()
                .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let plain = cells(None);
        assert_eq!(plain[1], ["SIN", "Singapore", "12", "-", "-", "-", "1.5", "0.900", "0.99", "-", "-", "-", "-"]);
        assert_eq!(plain[2], ["X", "-", "-", "-", "-", "-", "-", "0.000", "-", "-", "-", "-", "-"]);
        let probed = cells(Some(&Probes::from([("https://a".into(), Some(31.25))])));
        assert_eq!((probed[0][13].as_str(), probed[1][13].as_str(), probed[2][13].as_str()), ("PROBE MS", "31.2", "-"));
    }

    #[test]
    fn location_argument_is_parsed_or_refused() {
        assert_eq!(place("1.35, -103.99"), Ok(Location { lat: 1.35, lon: -103.99 }));
        for text in ["1.35", "91,0", "0,181", "NaN,0", "a,b", "1,2,3"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
