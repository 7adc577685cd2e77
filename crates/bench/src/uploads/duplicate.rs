//! A file that is already stored: the duplicate check, and a `start` with its hash.

use serde_json::{Value, json};

use super::stage::{Customer, OWN, Stage};
use crate::report::{Figure, spread};
use jettyspeed_devstack::Result;

/// Name, path and body per round of a measured request.
type Question<'a> = (&'a str, &'a str, &'a dyn Fn(u32) -> String);

const MAX_MS: f64 = 50.0;
/// Calls that warm up the compiler and are not counted.
const WARM_UP: u32 = 50;

pub async fn figures(stage: &Stage, count: u32) -> Result<Vec<Figure>> {
    let mut customer = stage.customer(&stage.caller).await?;
    let (hash, size) = (OWN.hash(), OWN.size);
    let check = json!({ "fileHash": hash, "fileSize": size }).to_string();
    let start = |name: &str| json!({ "action": "start", "fileName": name, "fileSize": size, "fileHash": hash }).to_string();
    let questions: [Question<'_>; 3] = [
        ("check-duplicate of an own file", "/api/jetty/check-duplicate", &|_| check.clone()),
        ("start with the hash and name of an own file", "/api/jetty/track-upload", &|_| start(OWN.name)),
        // Each of these creates one more file of the same bytes.
        ("start with the hash of an own file, a new name", "/api/jetty/track-upload", &|round| start(&format!("copy-{round}.bin"))),
    ];
    let mut figures = Vec::new();
    for (name, path, body) in questions {
        figures.extend(spread(name, &measured(&mut customer, path, body, count).await?, MAX_MS));
        eprintln!("  duplicate: {name}");
    }
    Ok(figures)
}

async fn measured(customer: &mut Customer<'_>, path: &str, body: &dyn Fn(u32) -> String, count: u32) -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    for round in 0..WARM_UP + count {
        let answer = customer.post(path, body(round)).await?.of_status(200)?;
        let found: Value = serde_json::from_slice(&answer.body)?;
        if found["duplicate"] != true {
            return Err(format!("no duplicate: {found}").into());
        }
        if round >= WARM_UP {
            samples.push(answer.ms);
        }
    }
    Ok(samples)
}
