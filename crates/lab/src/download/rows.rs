//! Rows of the table: downloads of one file from one server by one tool, cold or warm.

use jettyspeed_devstack::Result;
use serde::Serialize;

use super::fetch::{Sample, Tool};
use super::servers::{File, Server};

/// See the module.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    server: &'static str,
    tool: &'static str,
    condition: &'static str,
    /// Bytes.
    size: u64,
    /// Seconds to the first byte of the answer.
    first_byte: Vec<f64>,
    /// Seconds to the last.
    seconds: Vec<f64>,
    /// What failed, and what did not come from where it should.
    failures: Vec<String>,
}

/// Adds a download to its row.
pub fn add(rows: &mut Vec<Row>, (server, tool, file): (Server, Tool, &File), condition: &'static str, outcome: Result<Sample>) {
    let is_it = |row: &&mut Row| (row.server, row.tool, row.condition, row.size) == (server.name(), tool.name(), condition, file.size);
    if rows.iter_mut().find(is_it).is_none() {
        let (server, tool) = (server.name(), tool.name());
        rows.push(Row { server, tool, condition, size: file.size, first_byte: vec![], seconds: vec![], failures: vec![] });
    }
    let Some(row) = rows.iter_mut().find(is_it) else { return };
    match outcome {
        Ok(sample) if sample.is_hit.is_some_and(|is_hit| is_hit != (condition == "warm")) => {
            row.failures.push(if condition == "warm" { "not from the cache" } else { "from the cache" }.to_owned());
        }
        Ok(sample) => {
            row.first_byte.extend(sample.first_byte);
            row.seconds.push(sample.seconds);
        }
        Err(error) => row.failures.push(error.to_string()),
    }
}

/// The sample that `percent` % of all do not exceed (nearest rank); None without samples.
fn percentile(samples: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// p50, p95 and p99 in ms; a dash without samples.
fn spread(samples: &[f64]) -> String {
    let of = |percent| percentile(samples, percent).map_or("-".to_owned(), |seconds| format!("{:.0}", seconds * 1e3));
    format!("{:>6} {:>6} {:>6}", of(50), of(95), of(99))
}

/// Whether every download came as it should.
pub fn are_whole(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.failures.is_empty())
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    let header = format!("{:>6} {:>6} {:>6}", "p50", "p95", "p99");
    println!("{:<7} {:<7} {:<5} {:>10} {:>5}  first byte, ms: {header}  whole, ms: {header} {:>8}", "server", "tool", "", "bytes", "runs", "MB/s");
    for row in rows {
        let rate = percentile(&row.seconds, 50).map_or("-".to_owned(), |seconds| format!("{:.1}", row.size as f64 / 1e6 / seconds));
        let failed = row.failures.first().map(|first| format!("  {} failed: {first}", row.failures.len())).unwrap_or_default();
        println!(
            "{:<7} {:<7} {:<5} {:>10} {:>5}                  {}             {} {rate:>8}{failed}",
            row.server,
            row.tool,
            row.condition,
            row.size,
            row.seconds.len(),
            spread(&row.first_byte),
            spread(&row.seconds),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        File { size: 5, id: String::new(), url: String::new(), path: String::new() }
    }

    #[test]
    fn percentiles_are_samples() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([50, 95, 99].map(|percent| percentile(&hundred, percent)), [Some(50.0), Some(95.0), Some(99.0)]);
        assert_eq!((percentile(&[3.0], 99), percentile(&[], 50)), (Some(3.0), None));
    }

    #[test]
    fn cold_download_from_the_cache_is_a_failure() {
        let (mut rows, file) = (Vec::new(), file());
        let sample = |is_hit| Ok(Sample { first_byte: Some(0.1), seconds: 0.2, is_hit });
        add(&mut rows, (Server::Edge, Tool::Curl, &file), "cold", sample(Some(false)));
        add(&mut rows, (Server::Store, Tool::Curl, &file), "cold", sample(None));
        assert!(are_whole(&rows) && rows.len() == 2);
        add(&mut rows, (Server::Edge, Tool::Curl, &file), "cold", sample(Some(true)));
        assert!(!are_whole(&rows) && rows.len() == 2);
    }
}
