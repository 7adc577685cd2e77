//! Metrics as the reference parser reads them: that of Prometheus' own client for Python (Apache-2.0), which script/bootstrap installs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A family of metrics.
#[derive(Debug, Deserialize)]
pub struct Family {
    /// Of a counter, without `_total`.
    pub name: String,
    pub kind: String,
    pub help: String,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    value: String,
}

impl Sample {
    pub fn value(&self) -> f64 {
        self.value.parse().unwrap()
    }

    /// Its labels but for `le`, and that.
    fn bucket(&self) -> (Vec<(&String, &String)>, Option<f64>) {
        let bound = self.labels.get("le").map(|bound| bound.parse().unwrap());
        (self.labels.iter().filter(|(name, _)| *name != "le").collect(), bound)
    }
}

fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let asked = Command::new("bash").args(["-c", "source script/lib/env.sh && printf %s \"$PROMETHEUS_VENV\""]).current_dir(root).output().unwrap();
    let python = Path::new(std::str::from_utf8(&asked.stdout).unwrap()).join("bin/python");
    assert!(python.exists(), "{} is missing: run script/bootstrap", python.display());
    python
}

/// The families of a text.
///
/// # Errors
/// What is wrong with it: by the parser, or one with another, which the parser does not look at.
pub fn read(text: &str) -> Result<Vec<Family>, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prometheus/read.py");
    let mut child =
        Command::new(python()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    let families: Vec<Family> = serde_json::from_slice(&done.stdout).unwrap();
    check(text, &families)?;
    Ok(families)
}

fn check(text: &str, families: &[Family]) -> Result<(), String> {
    if !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let mut types = BTreeSet::new();
    if let Some(line) = text.lines().filter(|line| line.starts_with("# TYPE ")).find(|line| !types.insert(line.split(' ').nth(2))) {
        return Err(format!("a family is told twice: {line}"));
    }
    let mut names = BTreeSet::new();
    let mut series = BTreeSet::new();
    for family in families {
        if !names.insert(&family.name) || family.kind == "unknown" || family.help.is_empty() || family.samples.is_empty() {
            return Err(format!("{} is told twice, or has no type, help or sample", family.name));
        }
        if let Some(sample) = family.samples.iter().find(|sample| !series.insert((&sample.name, &sample.labels))) {
            return Err(format!("{} {:?} is told twice", sample.name, sample.labels));
        }
        if family.kind == "histogram" {
            check_histogram(family)?;
        }
    }
    Ok(())
}

/// Buckets grow with their bounds, the last of which is infinite and holds as many as are counted.
fn check_histogram(family: &Family) -> Result<(), String> {
    let of = |suffix: &str| {
        let name = format!("{}{suffix}", family.name);
        family.samples.iter().filter(move |sample| sample.name == name)
    };
    for count in of("_count") {
        let labels = count.bucket().0;
        let buckets: Vec<(f64, f64)> =
            of("_bucket").filter(|sample| sample.bucket().0 == labels).map(|sample| (sample.bucket().1.unwrap(), sample.value())).collect();
        let is_sorted = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let is_whole = of("_sum").filter(|sum| sum.bucket().0 == labels).count() == 1;
        if !is_sorted || !is_whole || buckets.last() != Some(&(f64::INFINITY, count.value())) {
            return Err(format!("{} {labels:?} is no histogram: {buckets:?}", family.name));
        }
    }
    Ok(())
}
