//! Response times must not reveal what other accounts have: an unknown hash against one that a stranger has.

use super::stage::{Customer, STRANGE, Stage};
use bytes::Bytes;
use serde_json::json;

use crate::report::{Figure, median};
use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;

const MAX_MS: f64 = 1.0;
/// Pairs that warm up the compiler and are not counted.
const WARM_UP: u32 = 50;

pub async fn figures(stage: &Stage, pairs: u32) -> Result<Vec<Figure>> {
    let mut customer = stage.customer(&stage.caller).await?;
    let hashes = [Sha256Hex::of(b"nobody has this"), STRANGE.hash()];
    let size = STRANGE.size;
    let mut figures = Vec::new();
    let check = hashes.each_ref().map(|hash| json!({ "fileHash": hash, "fileSize": size }));
    let start = hashes.each_ref().map(|hash| json!({ "action": "start", "fileName": "new.bin", "fileSize": size, "fileHash": hash }));
    for (name, path, status, bodies) in
        [("check-duplicate", "/api/jetty/check-duplicate", 200, check), ("start with a hash", "/api/jetty/track-upload", 201, start)]
    {
        let bodies = bodies.map(|body| Bytes::from(body.to_string()));
        let [absent, strange] = paired(&mut customer, path, status, bodies, pairs).await?.map(|samples| median(&samples));
        figures.push(Figure::without_target(&format!("{name}, nobody has it"), "ms", &[absent]));
        figures.push(Figure::without_target(&format!("{name}, a stranger has it"), "ms", &[strange]));
        figures.push(Figure::at_most(&format!("{name}, difference of medians, {pairs} pairs"), "ms", &[(strange - absent).abs()], MAX_MS));
        eprintln!("  isolation: {name}");
    }
    Ok(figures)
}

/// Sends both requests of each pair in alternating order, so that other load of the machine affects both equally.
async fn paired(customer: &mut Customer<'_>, path: &str, status: u16, bodies: [Bytes; 2], pairs: u32) -> Result<[Vec<f64>; 2]> {
    let mut samples = [vec![], vec![]];
    for pair in 0..WARM_UP + pairs {
        for index in 0..2 {
            let index = (index + pair as usize) % 2;
            let answer = customer.post(path, bodies[index].clone()).await?.of_status(status)?;
            if pair >= WARM_UP {
                samples[index].push(answer.ms);
            }
        }
    }
    Ok(samples)
}
