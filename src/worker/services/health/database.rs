//! D1: whether it answers, and whether it has the tables that this build expects.

use serde_json::Value;

use super::{code, tried};
use crate::base::shard::Shard;
use crate::health::migrations::missing;
use crate::health::part::Tried;
use crate::health::repository::{Applied, applied, ask};
use crate::worker::http::call::Call;
use crate::worker::platform::{bindings, d1};

/// The number of this build's newest migration.
pub fn schema() -> u32 {
    env!("JETTYSPEED_SCHEMA").parse().unwrap_or_default()
}

/// Whether it answers.
pub async fn answers(call: &Call) -> Tried {
    let asked = async { d1::all::<Value>(&bindings::db(&call.env, Shard::MAIN)?, &ask()).await };
    tried("d1", async { asked.await.map_err(|problem| code(&problem)) }).await.0
}

/// Whether all migrations of this build are applied, and which are not.
pub async fn migrations(call: &Call) -> (Tried, Option<Vec<u32>>) {
    let read = async { d1::all::<Applied>(&bindings::db(&call.env, Shard::MAIN)?, &applied()).await };
    let (part, rows) = tried("migrations", async { read.await.map_err(|problem| code(&problem)) }).await;
    let missing = rows.map(|rows| missing(&rows.iter().map(|row| row.number).collect::<Vec<_>>(), schema()));
    let outcome = match &missing {
        Some(numbers) if !numbers.is_empty() => Err("missing"),
        _ => part.outcome,
    };
    (Tried { outcome, ..part }, missing)
}
