//! `simulate SEED` replays a history and tells its story. `simulate --histories N [--from S] [--threads T] [--details] [--brief]` runs many;
//! `--brief` tells no story of those that fail.

// Never compiled to wasm32.
#![allow(clippy::disallowed_methods)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use jettyspeed_simulation::coverage::Coverage;
use jettyspeed_simulation::pool::Pools;
use jettyspeed_simulation::run::{Outcome, Variant, run, settings, steps};
use jettyspeed_simulation::shrink::shrink;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Histories that a thread takes at once.
const BATCH: u64 = 64;

/// Histories after which a long run says how far it is; a multiple of [`BATCH`].
const PROGRESS: u64 = 4_000 * BATCH;

/// Failures that are told at the most.
const MAX_TOLD: usize = 3;

struct Wanted {
    histories: u64,
    from: u64,
    threads: usize,
    details: bool,
    keep_going: bool,
    brief: bool,
    /// These seeds instead.
    only: Option<Vec<u64>>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = args.first().and_then(|text| text.parse().ok()) {
        return tell(&Variant { seed, ..Variant::default() }, args.iter().any(|arg| arg == "--shrink"));
    }
    let only = args.iter().position(|arg| arg == "--only").and_then(|at| std::fs::read_to_string(args.get(at + 1)?).ok());
    let only: Option<Vec<u64>> = only.map(|text| text.lines().filter_map(|line| line.parse().ok()).collect());
    let Some(histories) = value("--histories").or(only.as_ref().map(|seeds| seeds.len() as u64)) else {
        eprintln!(
            "simulate SEED [--shrink] | simulate --histories N [--from SEED] [--threads T] [--details] [--keep-going] [--brief] | simulate --only FILE-OF-SEEDS"
        );
        return ExitCode::FAILURE;
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = value("--threads").and_then(|threads| usize::try_from(threads).ok()).unwrap_or(cores);
    let flag = |name: &str| args.iter().any(|arg| arg == name);
    let from = value("--from").unwrap_or(0);
    explore(&Wanted { histories, from, threads, details: flag("--details"), keep_going: flag("--keep-going"), brief: flag("--brief"), only })
}

/// Replays a history, also to see whether it goes the same way twice.
fn tell(variant: &Variant, shrunk: bool) -> ExitCode {
    let variant = if shrunk { shrink(variant.clone()) } else { variant.clone() };
    let first = run(&variant, Pools::default(), true);
    println!("{}", describe(&variant, &first));
    let second = run(&variant, first.pools, true);
    if first.story != second.story {
        println!("NOT THE SAME when it is run again:\n{}", difference(&first.story, &second.story));
        return ExitCode::FAILURE;
    }
    if first.wrong.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn describe(variant: &Variant, outcome: &Outcome) -> String {
    let mut text = format!("{:#?}\n", settings(variant));
    steps(variant).iter().for_each(|step| text.push_str(&format!("after {:>9} ms: {:?}\n", step.after, step.op)));
    text.push_str(&outcome.story);
    match &outcome.wrong {
        Some(wrong) => text + &format!("\nseed {}: WRONG: {wrong}\n", variant.seed),
        None => text + &format!("\nseed {}: well\n", variant.seed),
    }
}

/// The first lines that differ.
fn difference(first: &str, second: &str) -> String {
    let pair = first.lines().zip(second.lines()).find(|(one, other)| one != other);
    pair.map_or_else(|| "one is longer".to_owned(), |(one, other)| format!("{one}\n{other}"))
}

fn explore(wanted: &Wanted) -> ExitCode {
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let (coverage, failures) = (Mutex::new(Coverage::default()), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..wanted.threads {
            scope.spawn(|| {
                let (mut pools, mut own) = (Pools::default(), Coverage::default());
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first.is_multiple_of(PROGRESS) && first > 0 {
                        eprintln!("{first} histories begun, {:.0} s", began.elapsed().as_secs_f64());
                    }
                    if first >= wanted.histories || (failed.load(Ordering::Relaxed) && !wanted.keep_going) {
                        break;
                    }
                    for number in first..(first + BATCH).min(wanted.histories) {
                        let listed = wanted.only.as_ref().and_then(|seeds| seeds.get(number as usize).copied());
                        let variant = Variant { seed: listed.unwrap_or(wanted.from + number), ..Variant::default() };
                        let outcome = run(&variant, pools, false);
                        pools = outcome.pools;
                        own.add(&outcome.coverage);
                        if let Some(wrong) = outcome.wrong {
                            failed.store(true, Ordering::Relaxed);
                            eprintln!("seed {}: {wrong}", variant.seed);
                            if let Ok(mut failures) = failures.lock() {
                                failures.push((variant.seed, wrong));
                            }
                        }
                    }
                }
                if let Ok(mut coverage) = coverage.lock() {
                    coverage.add(&own);
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let coverage = coverage.into_inner().unwrap_or_default();
    let mut failures = failures.into_inner().unwrap_or_default();
    failures.sort();
    println!("{}", coverage.report());
    if wanted.details {
        println!("{}", coverage.details());
    }
    let ran = next.into_inner().min(wanted.histories);
    println!("{ran} histories in {seconds:.1} s: {:.0}/s, {:.0} calls each", ran as f64 / seconds, coverage.total() as f64 / ran as f64);
    for (seed, wrong) in &failures {
        println!("seed {seed}: {wrong}");
    }
    if !wanted.keep_going && !wanted.brief {
        for (seed, _) in failures.iter().take(MAX_TOLD) {
            let variant = shrink(Variant { seed: *seed, ..Variant::default() });
            let outcome = run(&variant, Pools::default(), true);
            println!("\n{}", describe(&variant, &outcome));
        }
    }
    println!("{} failures", failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
