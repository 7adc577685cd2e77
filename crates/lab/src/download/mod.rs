//! `script/bench download`: files and videos over a distance, from the edge, from nginx with `proxy_cache` in its place, and from the store itself. Rows take turns.

mod fetch;
mod rows;
mod servers;
mod video;

use std::path::Path;

use jettyspeed_devstack::{Result, root};
use serde::Serialize;

use crate::lab::Lab;
use crate::network::Congestion;
use crate::profile;
use fetch::{Tool, is_installed};
use rows::{Row, add};
use servers::{File, Server};

/// Size of the file of which the first byte counts, bytes.
const SMALL: u64 = 100_000;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the profile.
    pub profile: String,
    /// Congestion control of client, edge and store.
    pub cc: String,
    /// Downloads of the large file in each row.
    pub rounds: u32,
    /// Downloads of the small file in each warm row; a fifth of it in each cold one.
    pub small: u32,
    /// MB of the large file.
    pub size: u64,
    /// Two starts of each video instead of ten.
    pub quick: bool,
    /// `files` or `video`; None: both.
    pub only: Option<String>,
    /// Missed targets are no failure.
    pub report_only: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    profile: &'a str,
    congestion: &'a str,
    /// Load average at the end.
    load: String,
    rows: &'a [Row],
    video: &'a [video::Stream],
}

/// Measures, prints and writes `bench-results/download-PROFILE-CC.json`; whether everything arrived and every target is met.
pub async fn run(program: &Path, options: &Options) -> Result<bool> {
    let profile = profile::named(&options.profile)?;
    let congestion = Congestion { client: options.cc.clone(), edge: options.cc.clone() };
    let lab = Lab::start(program, &profile, 1, &congestion).await?;
    let selected = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    let (mut rows, mut streams) = (Vec::new(), Vec::new());
    if selected("files") {
        files(&lab, options, &mut rows).await?;
    }
    if selected("video") {
        streams = video::measure(&lab, options.quick).await?;
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
    println!("\nDownloads: {} ({}), {}; load average {load}\n", options.profile, profile.summary, options.cc);
    rows::print(&rows);
    println!();
    let met = video::print(&streams, &options.profile);
    let folder = root().join("bench-results");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("download-{}-{}.json", options.profile, options.cc));
    let report = Report { profile: &options.profile, congestion: &options.cc, load, rows: &rows, video: &streams };
    std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")?;
    println!("\n{}", path.display());
    Ok(met && rows::are_whole(&rows))
}

async fn files(lab: &Lab, options: &Options, rows: &mut Vec<Row>) -> Result<()> {
    let nginx = servers::nginx(lab)?;
    let mut servers = vec![Server::Edge, Server::Store];
    match &nginx {
        Some(_) => servers.push(Server::Nginx),
        None => println!("nginx is not installed: its rows are left out (Debian: apt-get install nginx-light)"),
    }
    let mut tools = vec![Tool::Curl];
    if is_installed(Tool::Aria2c.name()) {
        tools.push(Tool::Aria2c);
    } else {
        println!("aria2c is not installed: its rows are left out (Debian: apt-get install aria2)");
    }
    let (small, large) = (servers::put(lab, SMALL).await?, servers::put(lab, options.size * 1_000_000).await?);
    for round in 0..(options.small / 5).max(1) {
        each(lab, &servers, &[Tool::Curl], &small, "cold", round + 1, rows).await?;
    }
    warm_up(lab, &servers, &small).await?;
    for _ in 0..options.small {
        each(lab, &servers, &[Tool::Curl], &small, "warm", 0, rows).await?;
    }
    eprintln!("  download: {SMALL} bytes: done");
    for round in 0..options.rounds {
        each(lab, &servers, &tools, &large, "cold", round * 10 + 1, rows).await?;
        eprintln!("  download: {} MB, cold: round {} of {}", options.size, round + 1, options.rounds);
    }
    warm_up(lab, &servers, &large).await?;
    for round in 0..options.rounds {
        each(lab, &servers, &tools, &large, "warm", 0, rows).await?;
        eprintln!("  download: {} MB, warm: round {} of {}", options.size, round + 1, options.rounds);
    }
    Ok(())
}

/// One download from each server by each tool, from the edge by `jetty`, too. `fresh` numbers cold ones.
async fn each(lab: &Lab, servers: &[Server], tools: &[Tool], file: &File, condition: &'static str, fresh: u32, rows: &mut Vec<Row>) -> Result<()> {
    let jetty = (tools.len() > 1).then_some((Server::Edge, Tool::Jetty));
    let pairs = servers.iter().flat_map(|server| tools.iter().map(|tool| (*server, *tool)));
    for ((server, tool), fresh) in pairs.chain(jetty).zip(fresh..) {
        // The store has no cache: it is one row.
        if server == Server::Store && condition == "warm" {
            continue;
        }
        let fresh = if condition == "warm" { 0 } else { fresh };
        if condition == "cold" && server == Server::Edge {
            servers::purge(lab).await?;
        }
        let source = if tool == Tool::Jetty { file.id.clone() } else { server.url(file, fresh) };
        let outcome = tool.fetch(lab, &source, file.size).await;
        add(rows, (server, tool, file), condition, outcome);
    }
    Ok(())
}

/// Has every cache keep the file.
async fn warm_up(lab: &Lab, servers: &[Server], file: &File) -> Result<()> {
    for server in servers.iter().filter(|server| **server != Server::Store) {
        for _ in 0..2 {
            Tool::Curl.fetch(lab, &server.url(file, 0), file.size).await?;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
    Ok(())
}
