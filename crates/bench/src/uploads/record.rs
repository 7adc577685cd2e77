//! Cost of recording parts that end at the same moment. With this many in flight, most of a request's time is spent waiting for others before the Worker sees it.

use super::stage::{Stage, text};
use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::load::{Answer, Target, answers};
use crate::report::{Figure, percentile, spread};
use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::units::MB;

/// One client's calls.
type Lane = (Target, Bytes);

const CLIENTS: u32 = 32;
const CHUNK: u64 = 10 * MB;
const BODY: &[u8] = b"0";
const MAX_MS: f64 = 100.0;
/// Calls that warm up the compiler and are not counted.
const WARM_UP: u32 = 20 * CLIENTS;

pub async fn figures(stage: &Stage, records: u32) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    // The maximum number of parts in flight of one upload; they meet in one Durable Object.
    for (uploads, of) in [(CLIENTS, "an upload each"), (1, "of one upload")] {
        // A connection that idles while others are measured would be closed.
        let mut customer = stage.customer(&stage.caller).await?;
        let mut started = Vec::new();
        for _ in 0..uploads {
            started.push(customer.opens(CHUNK + 1, CHUNK).await?);
        }
        let lanes = |lane: fn(&Stage, &Value) -> Result<Lane>| -> Result<Vec<Lane>> {
            started.iter().cycle().take(CLIENTS as usize).map(|started| lane(stage, started)).collect()
        };

        let sent = measured(&lanes(through)?, records).await?;
        figures.extend(spread(&format!("1-byte last part, {CLIENTS} in flight, {of}"), &whole(&sent), MAX_MS));
        figures.extend(spread("- its step `record`", &step(&sent, "record")?, MAX_MS));
        figures.push(Figure::without_target("- all of it as the Worker sees it: p99", "ms", &[percentile(&step(&sent, "total")?, 99)]));
        eprintln!("  record: parts through the Worker, {of}");

        let claimed = measured(&lanes(direct)?, records).await?;
        figures.extend(spread(&format!("POST cache-chunk, {CLIENTS} in flight, {of}"), &whole(&claimed), MAX_MS));
        figures.push(Figure::without_target("- its step `ledger`: p99", "ms", &[percentile(&step(&claimed, "ledger")?, 99)]));
        figures.push(Figure::without_target("- all of it as the Worker sees it: p99", "ms", &[percentile(&step(&claimed, "total")?, 99)]));
        eprintln!("  record: parts straight to the store, {of}");
    }
    Ok(figures)
}

async fn measured(lanes: &[Lane], count: u32) -> Result<Vec<Answer>> {
    answers(lanes, 2, WARM_UP).await?;
    answers(lanes, 2, count).await
}

fn whole(answers: &[Answer]) -> Vec<f64> {
    answers.iter().map(|answer| answer.ms).collect()
}

fn step(answers: &[Answer], name: &str) -> Result<Vec<f64>> {
    answers.iter().map(|answer| answer.step(name)).collect()
}

fn through(stage: &Stage, started: &Value) -> Result<Lane> {
    let headers = vec![
        ("x-upload-token".to_owned(), text(started, "uploadToken")?.to_owned()),
        ("x-chunk-sha256".to_owned(), Sha256Hex::of(BODY).as_str().to_owned()),
    ];
    let call = stage.call(&stage.caller, Method::POST, "/api/jetty-speed/chunk");
    Ok((Target { headers, part_header: Some("x-part-number"), ..call }, Bytes::from_static(BODY)))
}

fn direct(stage: &Stage, started: &Value) -> Result<Lane> {
    let hash = Sha256Hex::of(BODY);
    // A different ETag than the recorded one; otherwise nothing would be written.
    let sent = json!({ "sessionId": text(started, "sessionId")?, "partNumber": 2, "etag": &hash.as_str()[..32], "size": 1, "sha256": hash });
    Ok((stage.call(&stage.caller, Method::POST, "/api/jetty/cache-chunk"), sent.to_string().into()))
}
