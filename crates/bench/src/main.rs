//! `script/bench`: the Worker and its peers, interleaved in one run, so that other load of the machine affects all of them. On bare workerd, or on
//! Miniflare where D1 is needed; never on `wrangler dev`.

// The lint is for code that may run in wasm; this crate is native.
#![allow(clippy::disallowed_methods)]

mod api;
mod big;
mod chunk;
mod clients;
mod costs;
mod delivery;
mod head;
mod hostile;
mod load;
mod losses;
mod memory;
mod miniflare;
mod peers;
mod report;
mod sink;
mod steering;
mod tail;
mod uploads;

use jettyspeed_devstack::{Result, root};

use crate::report::{Figure, missed, print};

const USAGE: &str = "usage: script/bench chunk [--quick] [--only throughput|latency|memory]\n       \
                     script/bench api [--quick] [--only throughput|latency|tail|edges|provisioning|profile]\n       \
                     script/bench uploads [--quick] [--only resume|record|chunks|duplicate|isolation|offset|replay]\n       \
                     script/bench delivery [--quick] [--only small|large|latency|seek|play|zipf|whole]\n       \
                     script/bench big [--quick] [--parts N] [--gb N] [--only through|straight]\n       \
                     script/bench load [--quick] [--clients N] [--seconds N] [--one-in N] [--kind NAME] [--only calm|resets]\n       \
                     script/bench hostile [--quick] [--only parsers|requests|reads]\n       \
                     script/bench steering\n       \
                     script/bench costs [--quick] [--write]\n\
                     Fails if a target is missed; --report-only only tells.";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&arguments).await {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

async fn run(arguments: &[String]) -> Result<()> {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1)).map(String::as_str);
    let figures = match arguments.first().map(String::as_str) {
        Some("chunk") => chunk(quick, only).await,
        Some("api") => api(quick, only).await,
        Some("delivery") => delivery(quick, only).await,
        Some("uploads") => uploads(quick, only).await,
        Some("big") => big(big::Effort::of(arguments).ok_or(USAGE)?, only).await,
        Some("load") => clients(clients::Effort::of(arguments).ok_or(USAGE)?, only).await,
        Some("hostile") => hostile(quick, only).await,
        Some("steering") => steering(),
        Some("costs") => costs(quick, arguments.iter().any(|argument| argument == "--write")).await,
        _ => Err(USAGE.into()),
    }?;
    let missed = missed(&figures);
    if missed.is_empty() || arguments.iter().any(|argument| argument == "--report-only") { Ok(()) } else { Err(missed.into()) }
}

/// A figure of a wasm test, if script/bench ran it before: it is in a variable, in microseconds.
fn in_wasm(what: &str, variable: &str, most: f64) -> Option<Figure> {
    let measured = std::env::var(variable).ok()?.trim().parse::<f64>().ok()?;
    Some(Figure::at_most(&format!("{what} in wasm (release build, Node 22)"), "us", &[measured], most))
}

async fn chunk(quick: bool, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let mut figures = chunk::run(folder.path(), if quick { chunk::Effort::QUICK } else { chunk::Effort::FULL }, only).await?;
    figures.extend(in_wasm("signing one UploadPart", "SIGNING_MICROSECONDS", 50.0));
    print(
        "Chunk path",
        "harness: bare `workerd serve`, one process each; local sink; load, peers and sink on the same machine; ratios within interleaved rounds",
        &figures,
    );
    write("chunk", &figures)?;
    Ok(figures)
}

async fn api(quick: bool, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let outcome = api::run(folder.path(), if quick { api::Effort::QUICK } else { api::Effort::FULL }, only).await?;
    let harness = format!(
        "harness: {}, its API without `wrangler dev`, one process each, one under load at a time; no request log; load on the same machine; \
         ratios within interleaved rounds",
        outcome.versions
    );
    print("JSON API", &harness, &outcome.figures);
    write("api", &outcome.figures)?;
    Ok(outcome.figures)
}

async fn uploads(quick: bool, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let outcome = uploads::run(folder.path(), if quick { uploads::Effort::QUICK } else { uploads::Effort::FULL }, only).await?;
    let harness = format!(
        "harness: {}, its API without `wrangler dev`; replay: bare `workerd serve`; local sink; load and sink on the same machine",
        outcome.versions
    );
    print("Uploads, locally", &harness, &outcome.figures);
    write("uploads", &outcome.figures)?;
    Ok(outcome.figures)
}

async fn delivery(quick: bool, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let outcome = delivery::run(folder.path(), if quick { delivery::Effort::QUICK } else { delivery::Effort::FULL }, only).await?;
    let harness = format!(
        "harness: {}, its API without `wrangler dev`, its cache on disk; nginx with one worker; load, peers and store on the same machine; ratios within \
         interleaved rounds",
        outcome.versions
    );
    let mut figures = outcome.figures;
    figures.extend(in_wasm("counting an answer from the cache, median", "COUNTING_MICROSECONDS", 100.0));
    figures.extend(in_wasm("taking the counters of 1,000 namespaces and 4,000 files for a write, median", "COUNTING_FLUSH_MICROSECONDS", 100_000.0));
    print("Delivery", &harness, &figures);
    write("delivery", &figures)?;
    Ok(figures)
}

async fn big(effort: big::Effort, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let outcome = big::run(folder.path(), effort, only).await?;
    let harness = format!(
        "harness: {}, its API without `wrangler dev`; a sink in memory as store, which compares no hashes; load and sink on the same machine; load average {}",
        outcome.versions,
        load_average()
    );
    print("As many parts as there can be", &harness, &outcome.figures);
    write("big", &outcome.figures)?;
    Ok(outcome.figures)
}

async fn clients(effort: clients::Effort, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let outcome = clients::run(folder.path(), effort, only).await?;
    let harness = format!(
        "harness: {}, its API without `wrangler dev`; {} clients for {} s a run, calls at fixed instants, times from those; second run: one of {} requests to the \
         store reset; load and store on the same machine; load average {}",
        outcome.versions,
        effort.clients,
        effort.seconds,
        effort.one_in,
        load_average()
    );
    print("Many clients at once", &harness, &outcome.figures);
    write("load", &outcome.figures)?;
    Ok(outcome.figures)
}

/// Of the last minute: what else the machine does shows in every figure.
fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
}

async fn hostile(quick: bool, only: Option<&str>) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let outcome = hostile::run(folder.path(), if quick { 3 } else { 15 }, only).await?;
    let harness = format!(
        "harness: parsers natively, in a release build; requests: {}, its API without `wrangler dev`, CPU time of all threads of workerd, memory beside the body",
        outcome.versions
    );
    print("Hostile input", &harness, &outcome.figures);
    write("hostile", &outcome.figures)?;
    Ok(outcome.figures)
}

fn steering() -> Result<Vec<Figure>> {
    let figures = steering::figures()?;
    let harness = "harness: simulated days of 50,000 uploads from 42 cities over 20 edges, the same in every run; each policy in a world of its own, beside the \
                   best edge of each instant in that world; only the last figure depends on the machine";
    print("Steering", harness, &figures);
    write("steering", &figures)?;
    Ok(figures)
}

/// `write`: the figures become those of docs/costs.md.
async fn costs(quick: bool, write_data: bool) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let (versions, cpu) = costs::run(folder.path(), if quick { 20 } else { 200 }).await?;
    let figures = costs::figures(&cpu);
    let harness = format!(
        "harness: {versions}, its API without `wrangler dev`; local store; CPU time of all threads of workerd, mean of {} actions in a row",
        cpu.repeats
    );
    print("Costs", &harness, &figures);
    write("costs", &figures)?;
    if write_data {
        jettyspeed_costs::data::write_cpu(&cpu)?;
    }
    Ok(figures)
}

fn write(name: &str, figures: &[Figure]) -> Result<()> {
    let folder = root().join("bench-results");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, serde_json::to_string_pretty(figures)? + "\n")?;
    println!("\n{}", path.display());
    Ok(())
}
