//! Where the slow calls of a fixed rate spend their time: by the Worker's Server-Timing, and beside JavaScript that makes the same calls of the platform.

use crate::load::{Answer, Target, open_loop};
use crate::report::{Figure, percentile};
use jettyspeed_devstack::Result;

/// Longest p99 of `GET /api/storage/files/{id}`, ms.
const MOST_MS: f64 = 25.0;
/// What the Worker waits for: the account's credentials, its ledger, the database.
const STEPS: [&str; 3] = ["auth", "ledger", "d1"];

/// One call: its time from the instant at which it was due, and what the Worker told of it, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Call {
    ms: f64,
    /// Those of [`STEPS`]; a step that was not made took nothing.
    steps: [f64; STEPS.len()],
    /// All of it as the Worker sees it.
    total: f64,
}

impl Call {
    fn of((ms, answer): &(f64, Answer)) -> Call {
        let step = |name| answer.step(name).unwrap_or_default();
        Call { ms: *ms, steps: STEPS.map(step), total: step("total") }
    }
}

/// Means over the slowest hundredth: of each step, of the rest in the Worker, and of what is outside of it.
fn slowest(calls: &[Call]) -> [f64; STEPS.len() + 2] {
    let mut sorted = calls.to_vec();
    sorted.sort_by(|one, other| other.ms.total_cmp(&one.ms));
    let slow = &sorted[..sorted.len().div_ceil(100)];
    let mean = |of: &dyn Fn(&Call) -> f64| slow.iter().map(of).sum::<f64>() / slow.len().max(1) as f64;
    let inside = |call: &Call| call.total - call.steps.iter().sum::<f64>();
    let [auth, ledger, d1] = [0, 1, 2].map(|at| mean(&|call| call.steps[at]));
    [auth, ledger, d1, mean(&inside), mean(&|call| call.ms - call.total)]
}

/// `rate` calls a second to each of the targets in turn, `runs` times for `seconds`: ours, a Worker in JavaScript that makes the same calls of the platform, and one that
/// makes none.
pub async fn figures(ours: &Target, same: &Target, none: &Target, rate: u32, runs: u32, seconds: u32) -> Result<Vec<Figure>> {
    let mut samples = [vec![], vec![], vec![]];
    for run in 1..=runs {
        for (samples, target) in samples.iter_mut().zip([ours, same, none]) {
            samples.push(open_loop(target, rate, rate * seconds).await?);
        }
        eprintln!("  tail: run {run} of {runs}");
    }
    let [ours, same, none] = samples;
    let each = |runs: &[Vec<(f64, Answer)>], percent: u32| -> Vec<f64> {
        runs.iter().map(|run| percentile(&run.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), percent)).collect()
    };
    let calls: Vec<Call> = ours.iter().flatten().map(Call::of).collect();
    let [auth, ledger, d1, inside, outside] = slowest(&calls);
    let of = |what: &str| format!("at {rate} req/s, {what}");
    Ok(vec![
        Figure::without_target(&of("GET /api/storage/files/{id}: median"), "ms", &each(&ours, 50)),
        Figure::at_most(&of("GET /api/storage/files/{id}: p99"), "ms", &each(&ours, 99), MOST_MS),
        Figure::without_target(&of("JS Worker, 1 object call and 1 query: median"), "ms", &each(&same, 50)),
        Figure::without_target(&of("JS Worker, 1 object call and 1 query: p99"), "ms", &each(&same, 99)),
        Figure::without_target(&of("JS Worker, nothing: median"), "ms", &each(&none, 50)),
        Figure::without_target(&of("JS Worker, nothing: p99"), "ms", &each(&none, 99)),
        Figure::without_target("the slowest 1 % of ours, mean: looking up credentials", "ms", &[auth]),
        Figure::without_target("- waiting for the ledger", "ms", &[ledger]),
        Figure::without_target("- waiting for the database", "ms", &[d1]),
        Figure::without_target("- the rest in the Worker", "ms", &[inside]),
        Figure::without_target("- before and behind the Worker", "ms", &[outside]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowest_hundredth_is_split_into_its_steps() {
        let fast = Call { ms: 2.0, steps: [0.0, 1.0, 0.5], total: 1.8 };
        let slow = Call { ms: 40.0, steps: [5.0, 20.0, 3.0], total: 30.0 };
        let mut calls = vec![fast; 198];
        calls.extend([slow, Call { ms: 60.0, ..slow }]);
        assert_eq!(slowest(&calls), [5.0, 20.0, 3.0, 2.0, 20.0]);
        assert_eq!(slowest(&calls[..10]), [0.0, 1.0, 0.5, 0.30000000000000004, 0.19999999999999996]);
    }
}
