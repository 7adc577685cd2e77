//! `script/bench upload`: the product beside other tools over a distance, in the lab. Rows take turns within a round, so that other load of the machine affects all.

mod machine;
mod measure;
mod report;
pub(crate) mod rows;
mod special;
mod targets;
mod tools;
mod tus;

use std::path::{Path, PathBuf};

use jettyspeed_devstack::{Result, root};

use crate::floor;
use crate::lab::Lab;
use crate::network::{CLIENT, Congestion, STORE, edge_address, set_congestion};
use crate::profile;
use report::Report;
use tools::Tool;

/// MB, 10^6 bytes.
pub const MB: u64 = 1_000_000;

/// MB of the one cubic stream.
const CUBIC: u64 = 10;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the profile.
    pub profile: String,
    /// Of client and edge.
    pub cc: String,
    /// Sizes of files, MB.
    pub sizes: Vec<u64>,
    /// Rounds.
    pub rounds: usize,
    /// Without what takes minutes: many small files, the three edges.
    pub quick: bool,
    /// Missed targets are no failure.
    pub report_only: bool,
}

/// Measures, prints and writes `bench-results/upload-PROFILE.json`; whether every target is met.
pub async fn run(program: &Path, options: &Options) -> Result<bool> {
    let profile = profile::named(&options.profile)?;
    let congestion = Congestion { client: options.cc.clone(), edge: options.cc.clone() };
    let mut report = Report::new(options, &profile);
    let lab = Lab::start(program, &profile, 1, &congestion).await?;
    let tools = Tool::installed();
    let _tus = if tools.contains(&Tool::Tus) { Some(tus::serve(&lab).await?) } else { None };
    floors(&lab, options, &mut report).await?;
    for size in &options.sizes {
        for round in 0..options.rounds {
            // Cold: no connection, no code and no answer is left of what was before.
            lab.restart_edge().await?;
            rows::measure(&lab, &[Tool::Jetty], *size, "cold", &mut report.rows).await?;
            // Each round begins with another row: none is always the one after a pause.
            let mut turn = tools.clone();
            turn.rotate_left(round % tools.len().max(1));
            rows::measure(&lab, &turn, *size, "warm", &mut report.rows).await?;
        }
    }
    let size = options.sizes.first().copied().unwrap_or(100);
    special::duplicate(&lab, size, &mut report.rows).await?;
    special::changed(&lab, size, &mut report.rows).await?;
    special::killed(&lab, size, &mut report.rows).await?;
    if !options.quick {
        special::many(&lab, &tools, &mut report.rows).await?;
    }
    drop(lab);
    if !options.quick {
        let lab = Lab::start(program, &profile, 3, &congestion).await?;
        for _ in 0..options.rounds {
            for size in &options.sizes {
                rows::measure(&lab, &[Tool::Jetty, Tool::S5cmdTuned], *size, "3 edges", &mut report.rows).await?;
            }
            special::dying_edge(&lab, size, &mut report.rows).await?;
        }
    }
    report.verdicts = targets::verdicts(&report.rows, &report.floors);
    report.print();
    report.write(&results())?;
    Ok(report.verdicts.iter().all(|verdict| verdict.met != Some(false)))
}

fn results() -> PathBuf {
    root().join("bench-results")
}

/// Raw TCP over each leg, and one cubic stream over the direct one, in the network that is used.
async fn floors(lab: &Lab, options: &Options, report: &mut Report) -> Result<()> {
    let network = &lab.network;
    let (client, edge, store) = ((&network.client, CLIENT), (&network.edge, edge_address(0)), (&network.store, STORE));
    for size in &options.sizes {
        for (leg, from, to) in [("client-edge", client, edge), ("edge-store", edge, store), ("client-store", client, store)] {
            report.floors.push((leg.to_owned(), *size, floor::transfer(from, to, size * MB).await?.seconds));
        }
    }
    // Where packets are lost, cubic would take minutes for a large file: it is measured with a small one.
    set_congestion(&network.client, "cubic")?;
    let cubic = floor::transfer(client, store, CUBIC * MB).await;
    set_congestion(&network.client, &options.cc)?;
    let per_mb = cubic?.seconds / CUBIC as f64;
    report.floors.extend(options.sizes.iter().map(|size| ("cubic".to_owned(), *size, per_mb * *size as f64)));
    Ok(())
}
