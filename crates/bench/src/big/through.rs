//! All parts through the Worker.

use std::time::Instant;

use bytes::Bytes;
use hyper::Method;
use sha2::{Digest, Sha256};

use super::lanes::{self, each};
use super::{answers, completion};
use crate::load::Target;
use crate::memory::Watch;
use crate::report::Figure;
use crate::uploads::stage::{CHUNK, Stage, text};
use jettyspeed_devstack::Result;

/// At most so much more memory over the second half than in the quarter before it, MB.
const MEMORY_MB: f64 = 50.0;

/// Bodies that differ in their last eight bytes, so that only these have to be hashed anew.
struct Bodies {
    common: Vec<u8>,
    hashed: Sha256,
}

impl Bodies {
    /// Of `size` bytes each.
    fn new(size: usize) -> Bodies {
        let common = vec![b'x'; size - 8];
        let hashed = Sha256::new_with_prefix(&common);
        Bodies { common, hashed }
    }

    /// Number `number`, and its SHA-256.
    fn of(&self, number: u32) -> (Bytes, String) {
        let tail = u64::from(number).to_be_bytes();
        let hash = self.hashed.clone().chain_update(tail).finalize();
        let hex = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        ([self.common.as_slice(), &tail].concat().into(), hex)
    }
}

pub async fn figures(stage: &Stage, parts: u32) -> Result<Vec<Figure>> {
    let mut customer = stage.customer(&stage.chunked).await?;
    let began = Instant::now();
    let started = customer.opens(u64::from(parts) * CHUNK, CHUNK).await?;
    let start = Figure::without_target(&format!("start of an upload of {parts} parts"), "ms", &[began.elapsed().as_secs_f64() * 1e3]);
    let (session, token) = (text(&started, "sessionId")?.to_owned(), text(&started, "uploadToken")?.to_owned());
    let (address, bodies) = (stage.server.address.clone(), Bodies::new(usize::try_from(CHUNK)?));
    let part = move |number: u32| {
        let (body, hash) = bodies.of(number);
        let headers = vec![("x-upload-token".to_owned(), token.clone()), ("x-chunk-sha256".to_owned(), hash)];
        let (address, path) = (address.clone(), "/api/jetty-speed/chunk".to_owned());
        (Target { address, method: Method::POST, path, headers, part_header: Some("x-part-number") }, body)
    };
    let (cpu, memory, began) = (stage.server.cpu_ms()?, Watch::begin(stage.server.children()?), Instant::now());
    let last = part(parts);
    // The last one waits, so that the session can be asked with one part missing.
    let took = each(&stage.server.address, parts - 1, part).await?;
    let (lasted, trend) = (began.elapsed().as_secs_f64(), memory.end()?);
    let (cpu, bytes) = (stage.server.cpu_ms()? - cpu, f64::from(parts - 1) * CHUNK as f64);
    let mut customer = stage.customer(&stage.chunked).await?;
    let mut figures = vec![
        start,
        Figure::without_target(&format!("{:.1} GB in {parts} parts through the Worker", bytes / 1e9), "MB/s", &[bytes / 1e6 / lasted]),
        Figure::without_target("- CPU time of workerd, share of one core", "%", &[cpu / lasted / 10.0]),
        Figure::without_target("- memory of workerd: after a tenth", "MB", &[trend.tenths(1, 2)]),
        Figure::without_target("- memory of workerd: at the end", "MB", &[trend.tenths(9, 10)]),
        Figure::without_target("- memory of workerd: peak", "MB", &[trend.peak()]),
        Figure::without_target("- memory of workerd: slope of the second half", "MB/min", &[trend.slope()]),
        Figure::at_most("- memory of workerd: growth in the second half", "MB", &[trend.growth()], MEMORY_MB),
    ];
    figures.extend(lanes::figures(&format!("a part, {} in flight", lanes::IN_FLIGHT), &took));
    figures.extend(answers(&mut customer, &session, parts, 1).await?);
    customer.call(&last.0, parts, last.1).await?.of_status(200)?;
    figures.push(completion(&mut customer, &session, &format!("completion after the last of {parts} parts")).await?);
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_differ_and_have_the_hashes_that_are_told() {
        let bodies = Bodies::new(1_000);
        let (first, hash) = bodies.of(1);
        assert_eq!((first.len(), hash), (1_000, jettyspeed_edge::base::sha256::Sha256Hex::of(&first).as_str().to_owned()));
        assert_ne!(first, bodies.of(2).0);
    }
}
