//! A table for readers, JSON for programs.

use std::path::Path;

use jettyspeed_devstack::Result;
use serde::Serialize;

use super::measure::{Row, Sample};
use super::targets::{RawFloor, Verdict, medians};
use super::{MB, Options, machine};
use crate::profile::Profile;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    profile: String,
    summary: String,
    congestion: String,
    /// Load average of the machine when it began: what else ran.
    load: f64,
    /// Raw transfers.
    pub floors: Vec<RawFloor>,
    /// All rows.
    pub rows: Vec<Row>,
    /// What came of the targets.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// An empty one.
    pub fn new(options: &Options, profile: &Profile) -> Report {
        let Options { profile: name, cc, .. } = options;
        let (floors, rows, verdicts) = (vec![], vec![], vec![]);
        Report { profile: name.clone(), summary: profile.summary.clone(), congestion: cc.clone(), load: machine::load(), floors, rows, verdicts }
    }

    /// Prints it.
    pub fn print(&self) {
        println!(
            "\nUploads over a distance: {}: {}; {}; load of the machine before: {:.1}\n",
            self.profile, self.summary, self.congestion, self.load
        );
        for (leg, size, seconds) in &self.floors {
            println!("raw TCP {leg:<13} {size:>6} MB {seconds:>8.2} s {:>6.0} Mbit/s", rate(*size, *seconds));
        }
        println!(
            "\n{:<11} {:<13} {:>6} {:>8} {:>15} {:>7} {:>8} {:>24} {:>5} {:>13}",
            "condition", "tool", "MB", "median s", "min-max s", "Mbit/s", "sent MB", "CPU s client/edge/store/link", "busy", "retransmits"
        );
        for row in &self.rows {
            let Row { tool, condition, size, samples, failures } = row;
            let Some((seconds, bytes)) = medians(row) else {
                println!("{condition:<11} {tool:<13} {size:>6} failed: {}", failures.join("; "));
                continue;
            };
            let all = samples.iter().map(|sample| sample.seconds);
            let spread = format!("{:.2}-{:.2}", all.clone().fold(f64::INFINITY, f64::min), all.fold(0.0, f64::max));
            let of = |field: fn(&Sample) -> f64| samples.iter().map(field).sum::<f64>() / samples.len() as f64;
            let cpu = format!(
                "{:.1}/{:.1}/{:.1}/{:.1}",
                of(|sample| sample.client_cpu_ms as f64) / 1e3,
                of(|sample| sample.edge_cpu_ms as f64) / 1e3,
                of(|sample| sample.store_cpu_ms as f64) / 1e3,
                of(|sample| sample.link_cpu_ms as f64) / 1e3
            );
            let retransmits = format!("{:.0}+{:.0}", of(|sample| sample.client_retransmits as f64), of(|sample| sample.edge_retransmits as f64));
            let failed = if failures.is_empty() { String::new() } else { format!("  {} failed: {}", failures.len(), failures.join("; ")) };
            println!(
                "{condition:<11} {tool:<13} {size:>6} {seconds:>8.2} {spread:>15} {:>7.0} {:>8.1} {cpu:>28} {:>4.0}% {retransmits:>13}{failed}",
                rate(*size, seconds),
                bytes / MB as f64,
                100.0 * of(|sample| sample.busy),
            );
        }
        println!();
        for Verdict { target, value, met, .. } in &self.verdicts {
            let verdict = match met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "not possible on this link",
            };
            println!("{target:<62} {value:>9.2}  {verdict}");
        }
        println!(
            "\ncubic: one stream of 10 MB over the direct way, by its rate. CPU: the links' share holds the kernel's TCP of all hosts. jetty: --no-verify; 1000 files: jetty in batches."
        );
    }

    /// Writes it as `upload-PROFILE-CC.json`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("upload-{}-{}.json", self.profile, self.congestion));
        std::fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        println!("\n{}", path.display());
        Ok(())
    }
}

/// Mbit/s.
fn rate(size: u64, seconds: f64) -> f64 {
    size as f64 * 8.0 / seconds
}
