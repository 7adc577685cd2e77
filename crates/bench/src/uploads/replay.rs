//! A store that loses attempts: how many errors reach the client.

use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

use crate::load::{Connection, Target};
use crate::losses::Losses;
use crate::report::Figure;
use crate::{peers, sink};
use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;

/// One attempt in this many is lost (0.1 %).
const ONE_IN: u64 = 1_000;
/// One attempt in this many gets 520 after its body (0.5 %): the most that users of Cloudflare report.
const GATEWAY_ONE_IN: u64 = 200;
const IN_FLIGHT: u32 = 32;
/// Size of a part, bytes: far smaller than stores accept, so that many fit in a short time. All are buffered for replay, as parts of up to 12 MB are.
const PART: u64 = 1_000;
/// Parts of an upload.
const PARTS: u32 = 10_000;
const MAX_PERCENT: f64 = 0.001;

pub async fn figures(folder: &Path, parts: u32) -> Result<Vec<Figure>> {
    let losses = Arc::new(Losses::one_in(ONE_IN));
    let (sent, failures) = sent_and_failed(folder, parts, &losses).await?;
    let gateway = Arc::new(Losses::by_gateway(GATEWAY_ONE_IN));
    let (through, unseen) = sent_and_failed(folder, PARTS, &gateway).await?;
    let [attempts, before, after] = losses.counted();
    if before == 0 || after == 0 {
        return Err(format!("of {attempts} attempts {before} were lost before and {after} after their body: too few to tell").into());
    }
    Ok(vec![
        Figure::without_target("UploadPart attempts at the store", "", &[attempts as f64]),
        Figure::without_target("- reset before their body was read", "", &[before as f64]),
        Figure::without_target("- reset when it was read", "", &[after as f64]),
        Figure::at_most(
            &format!("failures that clients see, {sent} parts, {IN_FLIGHT} in flight"),
            "%",
            &[failures as f64 * 100.0 / f64::from(sent)],
            MAX_PERCENT,
        ),
        Figure::without_target("520 after the body, one attempt in 200", "", &[gateway.counted()[2] as f64]),
        Figure::at_most(&format!("- failures that clients see, {through} parts"), "", &[unseen as f64], 0.0),
    ])
}

/// Sends at least `parts` parts; returns how many, and how many of them failed.
async fn sent_and_failed(folder: &Path, parts: u32, losses: &Arc<Losses>) -> Result<(u32, usize)> {
    let ours = peers::ours(folder, &sink::start_losing(Arc::clone(losses))?).await?;
    let body = Bytes::from(vec![0; usize::try_from(PART)?]);
    let (mut sent, mut failures) = (0, Vec::new());
    while sent < parts {
        let target = ours.open_session(PART * u64::from(PARTS), PART, &Sha256Hex::of(&body)).await?;
        failures.extend(failed(&target, &body, PARTS).await?);
        sent += PARTS;
        eprintln!("  replay: {sent} of {parts}, {} failed", failures.len());
    }
    for failure in failures.iter().take(3) {
        eprintln!("  replay: {failure}");
    }
    Ok((sent, failures.len()))
}

/// Sends parts `1..=count`, each once, regardless of the others. Returns the responses other than 200.
async fn failed(target: &Target, body: &Bytes, count: u32) -> Result<Vec<String>> {
    let mut lanes: JoinSet<Result<Vec<String>>> = JoinSet::new();
    for lane in 0..IN_FLIGHT {
        let (target, body) = (target.clone(), body.clone());
        lanes.spawn(async move {
            let (mut connection, mut failures) = (Connection::open(&target.address).await?, Vec::new());
            for part in (1..=count).filter(|part| part % IN_FLIGHT == lane) {
                if let Err(error) = connection.send(&target, part, body.clone()).await {
                    failures.push(format!("part {part}: {error}"));
                    connection = Connection::open(&target.address).await?;
                }
            }
            Ok(failures)
        });
    }
    let mut failures = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        failures.extend(lane??);
    }
    Ok(failures)
}
