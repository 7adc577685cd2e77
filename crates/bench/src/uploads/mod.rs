//! `script/bench uploads`: resuming, recording, deduplication, and attempts that the store loses.

mod chunks;
mod duplicate;
mod isolation;
mod offset;
mod record;
mod replay;
mod resume;
pub mod stage;

use std::path::Path;

use super::api::Outcome;
use jettyspeed_devstack::Result;

/// Extent of the measurements.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Queries of a session's state.
    pub resumes: u32,
    /// Records of each kind.
    pub records: u32,
    /// Starts with 10,000 chunk hashes, of each kind.
    pub starts: u32,
    /// Duplicate checks of each kind for a stored file.
    pub duplicates: u32,
    /// Pairs of checks, of each kind: an unknown hash and a stranger's.
    pub pairs: u32,
    /// Rounds of uploads by offset and in parts.
    pub rounds: u32,
    /// Parts sent to a store that loses some attempts.
    pub parts: u32,
}

impl Effort {
    /// The extent of the published figures.
    pub const FULL: Effort = Effort { resumes: 1000, records: 5000, starts: 15, duplicates: 1000, pairs: 1000, rounds: 9, parts: 100_000 };
    /// A quick check.
    pub const QUICK: Effort = Effort { resumes: 200, records: 1000, starts: 5, duplicates: 500, pairs: 200, rounds: 3, parts: 10_000 };
}

/// Measures everything, or only `resume`, `record`, `chunks`, `duplicate`, `isolation`, `offset` or `replay`.
pub async fn run(folder: &Path, effort: Effort, only: Option<&str>) -> Result<Outcome> {
    let selected = |part: &str| only.is_none_or(|only| only == part);
    let stage = stage::set(folder).await?;
    let mut figures = Vec::new();
    if selected("resume") {
        figures.extend(resume::figures(&stage, effort.resumes).await?);
    }
    if selected("record") {
        figures.extend(record::figures(&stage, effort.records).await?);
    }
    if selected("chunks") {
        figures.extend(chunks::figures(&stage, effort.starts).await?);
    }
    if selected("duplicate") {
        figures.extend(duplicate::figures(&stage, effort.duplicates).await?);
    }
    if selected("isolation") {
        figures.extend(isolation::figures(&stage, effort.pairs).await?);
    }
    if selected("offset") {
        figures.extend(offset::figures(&stage, effort.rounds).await?);
    }
    stage.server.is_quiet()?;
    let versions = stage.server.versions.clone();
    drop(stage);
    if selected("replay") {
        figures.extend(replay::figures(folder, effort.parts).await?);
    }
    Ok(Outcome { versions, figures })
}
