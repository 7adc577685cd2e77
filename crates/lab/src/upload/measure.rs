//! One run of a command in the client's namespace, and what it took.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jettyspeed_devstack::Result;
use serde::Serialize;
use std::sync::atomic::Ordering;

use super::machine;
use crate::lab::Lab;

/// A run may take so long.
const LIMIT: Duration = Duration::from_secs(1_800);

/// A run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sample {
    /// Wall clock.
    pub seconds: f64,
    /// CPU time of the client, ms.
    pub client_cpu_ms: u64,
    /// Of workerd.
    pub edge_cpu_ms: u64,
    /// Of the store.
    pub store_cpu_ms: u64,
    /// Of the links.
    pub link_cpu_ms: u64,
    /// Share of all cores that was busy, with whatever.
    pub busy: f64,
    /// Segments that the client sent again.
    pub client_retransmits: u64,
    /// The edge.
    pub edge_retransmits: u64,
    /// Bytes that the client sent, with headers of IP and TCP.
    pub client_bytes: u64,
}

/// All runs of the same.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What ran.
    pub tool: String,
    /// Under which condition: `cold`, `warm`, `3 edges`, `duplicate` and so on.
    pub condition: String,
    /// MB.
    pub size: u64,
    /// Its runs.
    pub samples: Vec<Sample>,
    /// What failed.
    pub failures: Vec<String>,
}

/// Adds to the row of that name.
pub fn add(rows: &mut Vec<Row>, tool: &str, condition: &str, size: u64, outcome: Result<Sample>) {
    let is_it = |row: &&mut Row| row.tool == tool && row.condition == condition && row.size == size;
    if rows.iter_mut().find(is_it).is_none() {
        rows.push(Row { tool: tool.to_owned(), condition: condition.to_owned(), size, samples: vec![], failures: vec![] });
    }
    let Some(row) = rows.iter_mut().find(is_it) else { return };
    match outcome {
        Ok(sample) => row.samples.push(sample),
        Err(error) => row.failures.push(error.to_string()),
    }
    if let (Some(sample), None) = (row.samples.last(), row.failures.last()) {
        eprintln!("  {:<10} {:<14} {:>6} MB {:>8.2} s", condition, tool, size, sample.seconds);
    } else {
        eprintln!("  {:<10} {:<14} {:>6} MB FAILED {}", condition, tool, size, row.failures.last().map(String::as_str).unwrap_or_default());
    }
}

/// Bytes that the client has sent so far.
pub fn client_bytes(lab: &Lab) -> u64 {
    lab.network.ways.iter().filter(|way| way.name.starts_with("client-")).map(|way| way.up.bytes.load(Ordering::Relaxed)).sum()
}

/// Runs a command to its end; `watch` is called meanwhile and may end it (true), after which it counts as done.
pub async fn run(lab: &Lab, mut command: Command, mut watch: impl FnMut(u64) -> bool) -> Result<Sample> {
    settle(lab).await;
    let log_path = lab.folder().join("command.log");
    let log = File::create(&log_path)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let retransmits = || {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((
            lab.network.client.counter("Tcp", "RetransSegs")?,
            lab.network.edge.counter("Tcp", "RetransSegs")?,
        ))
    };
    let (client_before, edge_before) = retransmits()?;
    let (bytes, told, store, link, times) = (client_bytes(lab), lab.edge_told().cpu_ms, lab.store_cpu_ms(), machine::link_cpu_ms(), machine::times());
    let children = machine::children_cpu_ms();
    let began = Instant::now();
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break Some(status?),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        if watch(client_bytes(lab) - bytes) {
            child.kill().await?;
            break None;
        }
        if began.elapsed() > LIMIT {
            return Err("it took too long".into());
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let busy = machine::busy(times);
    let client_cpu_ms = machine::children_cpu_ms() - children;
    if let Some(status) = status.filter(|status| !status.success()) {
        let text = std::fs::read_to_string(&log_path).unwrap_or_default();
        let last: Vec<_> = text.lines().rev().take(3).collect();
        return Err(format!("{status}: {}", last.join(" | ")).into());
    }
    let client_bytes = client_bytes(lab) - bytes;
    // It tells every 200 ms.
    tokio::time::sleep(Duration::from_millis(250)).await;
    let (client_after, edge_after) = retransmits()?;
    Ok(Sample {
        seconds,
        client_cpu_ms,
        edge_cpu_ms: lab.edge_told().cpu_ms.saturating_sub(told),
        store_cpu_ms: lab.store_cpu_ms() - store,
        link_cpu_ms: machine::link_cpu_ms() - link,
        busy,
        client_retransmits: client_after - client_before,
        edge_retransmits: edge_after - edge_before,
        client_bytes,
    })
}

/// Waits until the links carry nothing: the server's own check of the stored bytes may still read what was sent before.
async fn settle(lab: &Lab) {
    let sum = || -> u64 { lab.network.ways.iter().map(|way| way.up.bytes.load(Ordering::Relaxed) + way.down.bytes.load(Ordering::Relaxed)).sum() };
    for _ in 0..120 {
        let before = sum();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if sum() - before < 50_000 {
            return;
        }
    }
}
