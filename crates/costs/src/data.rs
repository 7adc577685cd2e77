//! The committed figures, docs/costs/: counts and CPU time of each action.

use std::collections::BTreeMap;
use std::fs;

use jettyspeed_edge::ledger::timing;
use serde::{Deserialize, Serialize};

use crate::counts::{Counts, Item};
use crate::prices::Prices;
use crate::{Result, root};

/// What one action is billed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Until it is answered.
    pub at_once: Counts,
    /// In the background some seconds later, once for all actions of these seconds.
    #[serde(default)]
    pub later: Counts,
}

impl Action {
    /// Both: an action with nothing else going on.
    pub fn alone(&self) -> Counts {
        self.at_once.clone() + self.later.clone()
    }
}

/// Actions by name.
pub type Actions = BTreeMap<String, Action>;

/// CPU time by action, as `script/bench costs` measures it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpuTimes {
    /// Where it was measured.
    pub machine: String,
    /// Over how many actions each is the mean.
    pub repeats: u32,
    /// CPU time of the process, ms, by action.
    pub ms: BTreeMap<String, f64>,
}

/// How things were before they were made cheaper.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// How often the ledger wrote its figures to D1, as [`figures_every`].
    pub figures_every: FiguresEvery,
    /// What was billed; actions that did not change may be absent.
    pub actions: Actions,
}

/// After how long an account's ledger writes its figures to D1, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiguresEvery {
    /// If it only counted API calls.
    pub calls_ms: u64,
    /// If it counted bytes that left.
    pub traffic_ms: u64,
}

/// Everything that docs/costs.md is made of.
#[derive(Debug)]
pub struct Data {
    /// The price list.
    pub prices: Prices,
    /// What is billed now.
    pub actions: Actions,
    /// What was billed before.
    pub before: Before,
    /// CPU time.
    pub cpu: CpuTimes,
}

const COUNTS: &str = "docs/costs/counts.json";
const BEFORE: &str = "docs/costs/before.json";
const CPU: &str = "docs/costs/cpu.json";
const PRICES: &str = "docs/costs/prices.toml";
/// The document.
pub const DOCUMENT: &str = "docs/costs.md";

/// How often the ledger writes its figures.
pub fn figures_every() -> FiguresEvery {
    FiguresEvery { calls_ms: timing::COUNT_CHECKPOINT_MS, traffic_ms: timing::TRAFFIC_CHECKPOINT_MS }
}

/// The action of that name.
///
/// # Errors
/// It was not counted.
pub fn named<'a>(actions: &'a Actions, name: &str) -> Result<&'a Action> {
    actions.get(name).ok_or_else(|| format!("no counts of {name}").into())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}").into())
}

/// The committed counts.
///
/// # Errors
/// The file cannot be read.
pub fn counts() -> Result<Actions> {
    Ok(serde_json::from_str(&read(COUNTS)?)?)
}

/// Replaces the committed counts of these actions.
///
/// # Errors
/// The file cannot be written.
pub fn write_counts(actions: &Actions) -> Result<()> {
    let mut all = counts().unwrap_or_default();
    all.extend(actions.clone());
    Ok(fs::write(root().join(COUNTS), serde_json::to_string_pretty(&all)? + "\n")?)
}

/// Replaces the committed CPU times.
///
/// # Errors
/// The file cannot be written.
pub fn write_cpu(cpu: &CpuTimes) -> Result<()> {
    Ok(fs::write(root().join(CPU), serde_json::to_string_pretty(cpu)? + "\n")?)
}

impl Data {
    /// The committed data.
    ///
    /// # Errors
    /// A file is missing or malformed.
    pub fn read() -> Result<Data> {
        Ok(Data {
            prices: Prices::read(&read(PRICES)?)?,
            actions: counts()?,
            before: serde_json::from_str(&read(BEFORE)?)?,
            cpu: serde_json::from_str(&read(CPU)?)?,
        })
    }

    /// The counts of an action.
    ///
    /// # Errors
    /// It was not counted.
    pub fn action(&self, name: &str) -> Result<&Action> {
        named(&self.actions, name)
    }

    /// Its CPU time, ms; 0 if it was not measured.
    pub fn cpu_ms(&self, name: &str) -> f64 {
        self.cpu.ms.get(name).copied().unwrap_or_default()
    }

    /// What an action costs in dollars: with all that follows if it is the only one (`alone`), or only what it adds.
    ///
    /// # Errors
    /// It was not counted.
    pub fn usd(&self, name: &str, alone: bool) -> Result<f64> {
        Ok(self.split(name, alone)?.iter().map(|(_, usd)| usd).sum())
    }

    /// The same by item, dearest first.
    ///
    /// # Errors
    /// It was not counted.
    pub fn split(&self, name: &str, alone: bool) -> Result<Vec<(Item, f64)>> {
        let action = self.action(name)?;
        Ok(self.prices.split(&if alone { action.alone() } else { action.at_once.clone() }, self.cpu_ms(name)))
    }
}

/// The committed document.
///
/// # Errors
/// The file cannot be read.
pub fn document() -> Result<String> {
    read(DOCUMENT)
}
