//! `script/bench big`: uploads with as many parts as there can be. Through the Worker into a sink, and straight to the store with the parts reported by the client.

mod lanes;
mod straight;
mod through;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::report::{Figure, percentile};
use crate::sink::uploads::Uploads;
use crate::sink::{self, Manner};
use crate::uploads::stage::{self, CHUNK, CHUNKS, Customer};
use jettyspeed_devstack::Result;

/// Longest completion after the last part, ms.
const COMPLETION_MS: f64 = 5_000.0;
/// Longest answer about a session, ms.
const ANSWER_MS: f64 = 50.0;
/// Answers that are timed, and those before them that warm up the compiler.
const ANSWERS: u32 = 60;
const WARM_UP: u32 = 10;

/// Extent of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Parts of 5 MiB that are sent through the Worker.
    pub parts: u32,
}

impl Effort {
    /// 52 GB.
    pub const FULL: Effort = Effort { parts: CHUNKS };
    /// 3 GB.
    pub const QUICK: Effort = Effort { parts: 600 };

    /// That of the command line: `--parts N`, `--gb N`, `--quick`; None if a number is none.
    pub fn of(arguments: &[String]) -> Option<Effort> {
        let number = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            Some(arguments.get(at + 1).and_then(|text| text.parse::<u32>().ok()).filter(|number| *number > 0))
        };
        let is_quick = arguments.iter().any(|argument| argument == "--quick");
        let parts = match (number("--parts"), number("--gb")) {
            (Some(parts), _) => parts?,
            (None, Some(gb)) => u32::try_from((u64::from(gb?) * 1_000_000_000).div_ceil(CHUNK)).ok()?,
            (None, None) => return Some(if is_quick { Effort::QUICK } else { Effort::FULL }),
        };
        Some(Effort { parts: parts.clamp(2, CHUNKS) })
    }
}

/// Measures everything, or only `through` or `straight`.
pub async fn run(folder: &Path, effort: Effort, only: Option<&str>) -> Result<Outcome> {
    let selected = |part: &str| only.is_none_or(|only| only == part);
    let uploads = Arc::new(Uploads::straight(u16::try_from(CHUNKS)?, CHUNK));
    let store = sink::start_as(Manner { uploads, ..Manner::default() })?;
    let stage = stage::set_with(folder, &store).await?;
    let mut figures = Vec::new();
    if selected("through") {
        figures.extend(through::figures(&stage, effort.parts).await?);
    }
    if selected("straight") {
        figures.extend(straight::figures(&stage).await?);
    }
    stage.server.is_quiet()?;
    Ok(Outcome { versions: stage.server.versions.clone(), figures })
}

/// What the session tells of its parts, of which `missing` are missing: the GET and the action `progress`.
async fn answers(customer: &mut Customer<'_>, session: &str, parts: u32, missing: u32) -> Result<Vec<Figure>> {
    let (path, progress) = (format!("/api/jetty/cache-chunk?sessionId={session}"), json!({ "action": "progress", "sessionId": session }).to_string());
    let (mut gets, mut posts, mut bytes) = (vec![], vec![], 0);
    for round in 0..WARM_UP + ANSWERS {
        let get = customer.get(&path).await?.of_status(200)?;
        let post = customer.track(progress.clone()).await?.of_status(200)?;
        let state: Value = serde_json::from_slice(&get.body)?;
        let count = |name: &str| state[name].as_array().map(|parts| parts.len() as u64);
        if (count("completed"), count("missing")) != (Some(u64::from(parts - missing)), Some(u64::from(missing))) {
            return Err(format!("not {missing} of {parts} parts missing").into());
        }
        if round >= WARM_UP {
            (bytes, _) = (get.body.len(), gets.push(get.ms));
            posts.push(post.ms);
        }
    }
    Ok(vec![
        Figure::at_most(&format!("state of the session, {} parts recorded: median", parts - missing), "ms", &gets, ANSWER_MS),
        Figure::without_target("- p99", "ms", &[percentile(&gets, 99)]),
        Figure::without_target("- its length", "KB", &[bytes as f64 / 1e3]),
        Figure::at_most("- the same as `progress`: median", "ms", &posts, ANSWER_MS),
    ])
}

/// Completes the upload; the time from the request to the end of the answer, ms.
async fn completion(customer: &mut Customer<'_>, session: &str, what: &str) -> Result<Figure> {
    let began = Instant::now();
    customer.track(json!({ "action": "complete", "sessionId": session }).to_string()).await?.of_status(200)?;
    Ok(Figure::at_most(what, "ms", &[began.elapsed().as_secs_f64() * 1e3], COMPLETION_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Effort> {
        Effort::of(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn parts_and_gigabytes_are_bounded_by_what_an_upload_can_have() {
        assert_eq!((of("big"), of("big --quick")), (Some(Effort::FULL), Some(Effort::QUICK)));
        assert_eq!(
            (of("big --parts 20000"), of("big --parts 1"), of("big --gb 1")),
            (Some(Effort::FULL), Some(Effort { parts: 2 }), Some(Effort { parts: 191 }))
        );
        assert_eq!((of("big --parts"), of("big --gb x"), of("big --gb 0")), (None, None, None));
    }
}
