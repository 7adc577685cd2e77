//! The databases: whether they answer, and whether they have the tables that this build expects.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use serde_json::Value;

use super::{code, tried};
use crate::clients::{database, shards};
use crate::health::migrations::missing;
use crate::health::part::Tried;
use crate::health::repository::{Applied, applied, ask};
use crate::io::Io;
use crate::worker::http::call::Call;

/// The number of this build's newest migration.
pub fn schema() -> u32 {
    env!("JETTYSPEED_SCHEMA").parse().unwrap_or_default()
}

/// Whether every database answers.
pub async fn answers(call: &Call) -> Tried {
    let asked = async |shard| database::all::<Value>(&call.io.db(shard)?, &ask()).await;
    let all = async { try_join_all(shards::all(&call.io).map(asked)).await };
    tried("d1", async { all.await.map_err(|problem| code(&problem)) }).await.0
}

/// Whether all migrations of this build are applied to every database, and which are not.
pub async fn migrations(call: &Call) -> (Tried, Option<Vec<u32>>) {
    let read = async |shard| database::all::<Applied>(&call.io.db(shard)?, &applied()).await;
    let all = async { try_join_all(shards::all(&call.io).map(read)).await };
    let (part, rows) = tried("migrations", async { all.await.map_err(|problem| code(&problem)) }).await;
    let missing = rows.map(|databases| {
        let of_one = |rows: &Vec<Applied>| missing(&rows.iter().map(|row| row.number).collect::<Vec<_>>(), schema());
        databases.iter().flat_map(of_one).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    });
    let outcome = match &missing {
        Some(numbers) if !numbers.is_empty() => Err("missing"),
        _ => part.outcome,
    };
    (Tried { outcome, ..part }, missing)
}
