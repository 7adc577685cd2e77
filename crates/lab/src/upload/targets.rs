//! The targets, as a pure function of what was measured.

use serde::Serialize;

use super::MB;
use super::measure::Row;

/// A target and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What is promised.
    pub target: String,
    /// The figure.
    pub value: f64,
    /// At least, or at most.
    pub bound: f64,
    /// Whether it is met; None: it cannot be met here, or was not measured.
    pub met: Option<bool>,
}

/// What a kill may cost, MB: one part of the smallest size, 5 MiB, for each of eight connections. With larger parts the target is missed, although it is one part for each.
const KILL_MB: f64 = 8.0 * 5.24;

/// Leg, MB and seconds of a raw transfer; `cubic` is one cubic stream over the direct leg.
pub type RawFloor = (String, u64, f64);

/// The median of a row's seconds, and of its bytes.
pub fn medians(row: &Row) -> Option<(f64, f64)> {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let seconds = middle(row.samples.iter().map(|sample| sample.seconds).collect())?;
    Some((seconds, middle(row.samples.iter().map(|sample| sample.client_bytes as f64).collect())?))
}

/// All verdicts.
pub fn verdicts(rows: &[Row], floors: &[RawFloor]) -> Vec<Verdict> {
    let row = |tool: &str, condition: &str, size: Option<u64>| {
        rows.iter().find(|row| row.tool == tool && row.condition == condition && size.is_none_or(|size| row.size == size))
    };
    let seconds = |tool: &str, condition: &str, size| row(tool, condition, size).and_then(medians).map(|(seconds, _)| seconds);
    let floor = |leg: &str, size: u64| floors.iter().find(|floor| floor.0 == leg && floor.1 == size).map(|floor| floor.2);
    let mut verdicts = Vec::new();
    let mut sizes: Vec<u64> = rows.iter().filter(|row| row.condition == "warm").map(|row| row.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let Some(ours) = seconds("jetty", "warm", Some(size)) else { continue };
        let rivals = rows.iter().filter(|row| row.condition == "warm" && row.size == size && row.tool != "jetty");
        let best = rivals.filter_map(|row| medians(row).map(|(seconds, _)| seconds)).min_by(f64::total_cmp);
        if let Some(best) = best {
            verdicts.push(at_least(format!("{size} MB: best rival / jetty"), best / ours, if size < 1_000 { 1.5 } else { 1.25 }));
        }
        let legs = [floor("client-edge", size), floor("edge-store", size)];
        if let [Some(near), Some(far)] = legs {
            let slower = near.max(far);
            verdicts.push(at_least(format!("{size} MB: raw TCP of the slower leg / jetty"), slower / ours, 0.8));
            if let Some(cubic) = floor("cubic", size) {
                let wanted = if size < 1_000 { 9.0 } else { 12.0 };
                let verdict = at_least(format!("{size} MB: one cubic stream / jetty"), cubic / ours, wanted);
                // No tool can be faster than the link.
                let possible = cubic / slower >= wanted;
                verdicts.push(Verdict { met: verdict.met.filter(|_| possible), ..verdict });
            }
        }
    }
    if let (Some(duplicate), Some(hashing)) = (seconds("jetty", "duplicate", None), seconds("SHA-256", "hashing", None)) {
        verdicts.push(at_most("duplicate: s beside hashing".into(), duplicate - hashing, 0.3));
    }
    if let Some((row, (_, bytes))) = row("jetty", "1% changed", None).and_then(|row| Some((row, medians(row)?))) {
        verdicts.push(at_most("1 % changed: % sent".into(), 100.0 * bytes / (row.size * MB) as f64, 3.0));
    }
    if let Some((row, (_, bytes))) = row("jetty", "killed", None).and_then(|row| Some((row, medians(row)?))) {
        let data = bytes * crate::floor::PAYLOAD;
        verdicts.push(at_most("killed at half: MB sent again".into(), (data - (row.size * MB) as f64) / 1e6, KILL_MB));
    }
    let failures = rows.iter().filter(|row| row.tool == "jetty").map(|row| row.failures.len()).sum::<usize>();
    verdicts.push(at_most("failed uploads of jetty".into(), failures as f64, 0.0));
    verdicts
}

fn at_least(target: String, value: f64, bound: f64) -> Verdict {
    Verdict { target: format!("{target} >= {bound}"), value, bound, met: Some(value >= bound) }
}

fn at_most(target: String, value: f64, bound: f64) -> Verdict {
    Verdict { target: format!("{target} <= {bound}"), value, bound, met: Some(value <= bound) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::measure::Sample;

    fn row(tool: &str, condition: &str, seconds: &[f64], client_bytes: u64) -> Row {
        let samples = seconds.iter().map(|seconds| Sample { seconds: *seconds, client_bytes, ..Sample::default() }).collect();
        Row { tool: tool.into(), condition: condition.into(), size: 100, samples, failures: vec![] }
    }

    fn met(verdicts: &[Verdict], of: &str) -> Option<bool> {
        verdicts.iter().find(|verdict| verdict.target.contains(of)).unwrap_or_else(|| panic!("no {of}: {verdicts:?}")).met
    }

    #[test]
    fn best_rival_counts_and_the_median_of_each() {
        let rows = [row("jetty", "warm", &[2.0, 9.0, 1.0], 0), row("s5cmd", "warm", &[4.0], 0), row("one PUT", "warm", &[9.0], 0)];
        let verdicts = verdicts(&rows, &[]);
        assert_eq!((verdicts[0].value, verdicts[0].met), (2.0, Some(true)));
    }

    #[test]
    fn ratio_to_one_stream_is_no_miss_where_the_link_does_not_allow_it() {
        let rows = [row("jetty", "warm", &[2.0], 0)];
        let floors = |cubic| [("client-edge", 1.7), ("edge-store", 1.8), ("cubic", cubic)].map(|(leg, seconds)| (leg.to_owned(), 100, seconds));
        assert_eq!(met(&verdicts(&rows, &floors(10.0)), "cubic"), None);
        assert_eq!(met(&verdicts(&rows, &floors(17.0)), "cubic"), Some(false));
        assert_eq!(met(&verdicts(&rows, &floors(19.0)), "cubic"), Some(true));
        assert_eq!(met(&verdicts(&rows, &floors(19.0)), "slower leg"), Some(true));
    }

    #[test]
    fn duplicate_change_and_kill() {
        let rows = [
            row("jetty", "duplicate", &[0.5], 0),
            row("SHA-256", "hashing", &[0.25], 0),
            row("jetty", "1% changed", &[1.0], 4_000_000),
            row("jetty", "killed", &[1.0], 140_000_000),
        ];
        let verdicts = verdicts(&rows, &[]);
        assert_eq!([met(&verdicts, "duplicate"), met(&verdicts, "changed"), met(&verdicts, "killed")], [Some(true), Some(false), Some(true)]);
    }

    #[test]
    fn failure_of_ours_is_a_miss() {
        let failed = Row { failures: vec!["exit status: 1".into()], ..row("jetty", "edge dies", &[], 0) };
        assert_eq!(met(&verdicts(&[failed], &[]), "failed"), Some(false));
    }
}
