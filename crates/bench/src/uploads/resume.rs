//! The first request of a resuming client: which parts are stored?

use super::stage::{Stage, text};
use serde_json::{Value, json};

use crate::report::{Figure, spread};
use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::units::{GB, MB};

const PARTS: u64 = 100;
const CHUNK: u64 = 50 * MB;
/// Calls that warm up the compiler and are not counted.
const WARM_UP: u32 = 50;

pub async fn figures(stage: &Stage, resumes: u32) -> Result<Vec<Figure>> {
    let mut customer = stage.customer(&stage.caller).await?;
    let started = customer.opens(5 * GB, CHUNK).await?;
    let session = text(&started, "sessionId")?;
    for number in 1..=PARTS {
        // No bytes are sent: this is how a client records a part that it sent straight to the store.
        let hash = Sha256Hex::of(&number.to_le_bytes());
        let sent = json!({ "sessionId": session, "partNumber": number, "etag": &hash.as_str()[..32], "size": CHUNK, "sha256": hash });
        customer.post("/api/jetty/cache-chunk", sent.to_string()).await?.of_status(200)?;
    }
    let path = format!("/api/jetty/cache-chunk?sessionId={session}");
    let mut samples = Vec::new();
    for round in 0..WARM_UP + resumes {
        let answer = customer.get(&path).await?.of_status(200)?;
        let state: Value = serde_json::from_slice(&answer.body)?;
        let count = |name: &str| state[name].as_array().map(|parts| parts.len() as u64);
        if (count("completed"), count("missing")) != (Some(PARTS), Some(0)) {
            return Err(format!("not {PARTS} parts completed and none missing: {state}").into());
        }
        if round >= WARM_UP {
            samples.push(answer.ms);
        }
    }
    eprintln!("  resume: done");
    Ok(spread("resume state of a 5 GB, 100-part session, 1 request", &samples, 50.0).into())
}
