//! `start` with as many chunk hashes as an upload can have.

use bytes::Bytes;
use serde_json::{Value, json};

use super::stage::{CHUNK, CHUNKED, CHUNKS, Stage, chunk_hash};
use crate::report::Figure;
use jettyspeed_devstack::Result;
use jettyspeed_edge::uploads::copy_chunks::MAX_COPIES;

const MAX_MS: f64 = 100.0;

pub async fn figures(stage: &Stage, starts: u32) -> Result<Vec<Figure>> {
    let mut customer = stage.customer(&stage.chunked).await?;
    let mut figures = Vec::new();
    // No known chunks, then all known; the table has the same number of rows both times.
    for (first, known, copied) in [(CHUNKS, "none", 0), (0, "all", MAX_COPIES)] {
        let hashes: Vec<String> = (first..first + CHUNKS).map(chunk_hash).collect();
        let start = json!({ "action": "start", "fileName": "new.bin", "fileSize": CHUNKED.size, "chunkSize": CHUNK, "chunkHashes": hashes });
        let body = Bytes::from(start.to_string());
        let (mut steps, mut wholes, mut copies) = (vec![], vec![], vec![]);
        // The first round warms up the compiler and is not counted.
        for round in 0..=starts {
            let answer = customer.track(body.clone()).await?.of_status(201)?;
            let started: Value = serde_json::from_slice(&answer.body)?;
            let missing = started["missingParts"].as_array().map(Vec::len);
            if missing != Some(CHUNKS as usize - copied) {
                return Err(format!("{known} known: {missing:?} parts are missing").into());
            }
            if round > 0 {
                steps.push(answer.step("chunks")?);
                wholes.push(answer.ms);
                if copied > 0 {
                    copies.push(answer.step("copy")?);
                }
            }
        }
        figures.push(Figure::at_most(&format!("start with 10,000 chunk hashes, {known} known: step `chunks`"), "ms", &steps, MAX_MS));
        figures.push(Figure::without_target("- whole request", "ms", &wholes));
        if copied > 0 {
            figures.push(Figure::without_target(&format!("- of which copying {MAX_COPIES} parts"), "ms", &copies));
        }
        eprintln!("  chunks: {known} known");
    }
    Ok(figures)
}
