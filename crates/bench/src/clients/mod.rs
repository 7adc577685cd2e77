//! `script/bench load`: thousands of clients of all kinds at one Worker for minutes, at a store that answers and at one that resets some connections.

mod kind;
mod script;
mod stage;
mod tally;
mod verdict;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::api::Outcome;
use crate::load::{Answer, Connection};
use crate::losses::Losses;
use crate::memory::Watch;
use crate::report::Figure;
use crate::sink::{self, Manner};
use jettyspeed_devstack::Result;
use kind::Kind;
use script::{Bodies, Call, Script};
use tally::Tally;
use verdict::Verdict;

/// Idle time after which a client connects anew: workerd closes idle connections after 15 s.
const KEEP: Duration = Duration::from_secs(10);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// At most so much more memory over the second half than in the quarter before it, MB.
const MEMORY_MB: f64 = 50.0;

/// Extent of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Number of clients.
    pub clients: u32,
    /// Length of each of the two runs, s.
    pub seconds: u32,
    /// In the second run one of so many attempts at the store is reset.
    pub one_in: u64,
    /// Only the clients of this kind, at the instants that they would have beside the others: which of them it is.
    pub kind: Option<Kind>,
}

impl Effort {
    /// The extent of the published figures.
    pub const FULL: Effort = Effort { clients: 2_000, seconds: 300, one_in: 1_000, kind: None };
    /// A quick check.
    pub const QUICK: Effort = Effort { clients: 1_000, seconds: 45, one_in: 100, kind: None };

    /// That of the command line: `--clients N`, `--seconds N`, `--one-in N`, `--kind NAME`, `--quick`; None if one is not understood.
    pub fn of(arguments: &[String]) -> Option<Effort> {
        let defaults = if arguments.iter().any(|argument| argument == "--quick") { Effort::QUICK } else { Effort::FULL };
        let number = |name: &str, otherwise: u32| match arguments.iter().position(|argument| argument == name) {
            None => Some(otherwise),
            Some(at) => arguments.get(at + 1)?.parse().ok().filter(|number| *number > 0),
        };
        let one_in = number("--one-in", u32::try_from(defaults.one_in).ok()?)?.into();
        let kind = match arguments.iter().position(|argument| argument == "--kind") {
            None => None,
            Some(at) => Some(arguments.get(at + 1).and_then(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name))?),
        };
        Some(Effort { clients: number("--clients", defaults.clients)?, seconds: number("--seconds", defaults.seconds)?, one_in, kind })
    }
}

/// Measures both runs, or only `calm` or `resets`.
pub async fn run(folder: &Path, effort: Effort, only: Option<&str>) -> Result<Outcome> {
    let (mut figures, mut versions) = (Vec::new(), String::new());
    for (what, losses) in [("calm", Losses::default()), ("resets", Losses::one_in(effort.one_in))] {
        if only.is_some_and(|only| only != what) {
            continue;
        }
        let losses = Arc::new(losses);
        let store = sink::start_as(Manner { losses: Arc::clone(&losses), of_all: true, ..Manner::default() })?;
        let stage = Arc::new(stage::set(&folder.join(what), &store).await?);
        figures.extend(measured(what, &stage, effort).await?);
        let [attempts, before, after] = losses.counted();
        figures.push(Figure::without_target(&format!("{what}: requests to the store"), "", &[attempts as f64]));
        figures.push(Figure::without_target("- reset", "", &[(before + after) as f64]));
        versions.clone_from(&stage.server.versions);
    }
    Ok(Outcome { versions, figures })
}

async fn measured(what: &'static str, stage: &Arc<stage::Stage>, effort: Effort) -> Result<Vec<Figure>> {
    let (bodies, tally): (_, Arc<Mutex<Tally>>) = (Arc::new(Bodies::new()?), Arc::default());
    let lasting = Duration::from_secs(effort.seconds.into());
    let (cpu, memory, began) = (stage.server.cpu_ms()?, Watch::begin(stage.server.children()?), Instant::now());
    let mut clients = JoinSet::new();
    for number in (0..effort.clients).filter(|number| effort.kind.is_none_or(|kind| kind == Kind::of(*number))) {
        let script = Script::new(Arc::clone(stage), Arc::clone(&bodies), number);
        clients.spawn(client(script, number, began, lasting, Arc::clone(&tally)));
    }
    let ticks = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(15)).await;
            eprintln!("  load, {what}: {:.0} s", began.elapsed().as_secs_f64());
        }
    });
    while let Some(client) = clients.join_next().await {
        client??;
    }
    ticks.abort();
    let (lasted, trend) = (began.elapsed().as_secs_f64(), memory.end()?);
    let cpu = stage.server.cpu_ms()? - cpu;
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    for error in &tally.errors {
        eprintln!("  load, {what}: {error}");
    }
    let of = |name: &str| format!("{what}: memory of workerd, {name}");
    let mut figures = tally.figures(what, lasted);
    figures.extend([
        Figure::without_target(&format!("{what}: CPU time of workerd, share of one core"), "%", &[cpu / lasted / 10.0]),
        Figure::without_target(&of("after a tenth"), "MB", &[trend.tenths(1, 2)]),
        Figure::without_target(&of("at the end"), "MB", &[trend.tenths(9, 10)]),
        Figure::without_target(&of("slope of the second half"), "MB/min", &[trend.slope()]),
        Figure::at_most(&of("growth in the second half"), "MB", &[trend.growth()], MEMORY_MB),
    ]);
    Ok(figures)
}

/// One client until the end of the run.
async fn client(mut script: Script, number: u32, began: Instant, lasting: Duration, tally: Arc<Mutex<Tally>>) -> Result<()> {
    let kind = Kind::of(number);
    let mut kept: Option<(Instant, Connection)> = None;
    for turn in 0.. {
        let due = kind.due(number, turn);
        if due >= lasting {
            break;
        }
        let due = began + due;
        tokio::time::sleep_until(due.into()).await;
        let late = due.elapsed();
        let call = script.next(turn)?;
        let answer = tokio::time::timeout(PATIENCE, exchange(kept.take(), &call)).await.unwrap_or_else(|_| Err("no answer".into()));
        // From when the call was due, so that a server that stalls is charged for the calls that waited behind it.
        let ms = due.elapsed().as_secs_f64() * 1e3;
        let verdict = match &answer {
            Ok((answer, _)) => Verdict::of(answer),
            Err(_) => Verdict::Error,
        };
        {
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(kind, verdict, late.as_secs_f64() * 1e3, ms);
            if verdict == Verdict::Error {
                tally.note(|| told(kind, &call, answer.as_ref().map(|(answer, _)| answer).map_err(ToString::to_string)));
            }
        }
        if let Ok((answer, connection)) = answer {
            if verdict == Verdict::Expected {
                script.answered(&answer)?;
            }
            kept = Some((Instant::now(), connection));
        }
    }
    Ok(())
}

/// Makes a call, over the kept connection if that is not too old.
async fn exchange(kept: Option<(Instant, Connection)>, (target, part, body): &Call) -> Result<(Answer, Connection)> {
    let mut connection = match kept {
        Some((since, connection)) if since.elapsed() < KEEP => connection,
        _ => Connection::open(&target.address).await?,
    };
    let answer = connection.exchange(target, *part, body.clone()).await?;
    Ok((answer, connection))
}

fn told(kind: Kind, (target, part, _): &Call, answer: std::result::Result<&Answer, String>) -> String {
    let path: String = target.path.chars().take(40).collect();
    let outcome = match answer {
        Ok(answer) => format!("HTTP {}: {}", answer.status, String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>()),
        Err(error) => error,
    };
    format!("{}: {} {path} (part {part}): {outcome}", kind.name(), target.method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Effort> {
        Effort::of(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn numbers_replace_those_of_the_extent() {
        assert_eq!((of("load"), of("load --quick")), (Some(Effort::FULL), Some(Effort::QUICK)));
        assert_eq!(of("load --clients 10 --seconds 5"), Some(Effort { clients: 10, seconds: 5, one_in: 1_000, kind: None }));
        assert_eq!(of("load --kind video").and_then(|effort| effort.kind), Some(Kind::Video));
        assert_eq!((of("load --kind"), of("load --kind x")), (None, None));
        assert_eq!((of("load --clients"), of("load --seconds 0"), of("load --one-in x")), (None, None, None));
    }
}
