//! How soon a video starts: hls.js in Chromium in the client's namespace (`tests/players/lab.mjs`).

use jettyspeed_devstack::{Result, root};
use serde::{Deserialize, Serialize};

use super::fetch::{is_installed, output};
use crate::lab::Lab;

/// Longest median of warm starts, and of cold ones, ms.
const WARM_MS: f64 = 500.0;
const COLD_MS: f64 = 800.0;
/// The profile that these hold for.
const PROFILE: &str = "near";

/// The steps of a start, in their order; a player that shows a frame before it tells of one has not all of them.
const STEPS: [&str; 6] = ["url", "master", "media", "segment", "buffered", "frame"];

/// Starts of one kind of stream: from the page's wish to the first frame, ms.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Stream {
    name: String,
    what: String,
    cold: Starts,
    warm: Starts,
    /// Warm, of a page that knows beforehand which files the player will ask for and asks for them at once: what is to be gained by telling it.
    told: Starts,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct Starts {
    median_ms: f64,
    least_ms: f64,
    most_ms: f64,
    runs: u32,
    /// Medians of when each step was done: the URL, the playlists, the first segment, its place in the buffer, the frame.
    steps_ms: serde_json::Map<String, serde_json::Value>,
}

/// Measures all five kinds; with `quick` two warm starts and one cold. Empty without Chromium or ffmpeg, which is told.
pub async fn measure(lab: &Lab, quick: bool) -> Result<Vec<Stream>> {
    if let Some(program) = ["chromium", "ffmpeg"].into_iter().find(|program| !is_installed(program)) {
        println!("{program} is not installed: starts of videos are left out (Debian: apt-get install chromium ffmpeg)");
        return Ok(Vec::new());
    }
    let mut command = lab.command("node");
    command.arg(root().join("tests/players/lab.mjs")).current_dir(root());
    command.env("LAB_NAMESPACE", &lab.access.account.namespace).env("LAB_OPERATOR_TOKEN", &lab.access.admin_token);
    if quick {
        command.arg("--quick");
    }
    let told = output(command).await?;
    let last = told.lines().last().unwrap_or_default();
    Ok(serde_json::from_str(last).map_err(|error| format!("tests/players/lab.mjs: {error}: {last}"))?)
}

/// Prints the table; whether every target of this profile is met.
pub fn print(streams: &[Stream], profile: &str) -> bool {
    let mut met = true;
    for Stream { what, cold, warm, told, .. } in streams {
        for (condition, starts, most) in [("cold", cold, Some(COLD_MS)), ("warm", warm, Some(WARM_MS)), ("told", told, None)] {
            let verdict = match most.filter(|_| profile == PROFILE) {
                None => String::new(),
                Some(most) if starts.median_ms < most => format!("< {most:.0} met"),
                Some(most) => format!("< {most:.0} MISSED"),
            };
            met &= !verdict.ends_with("MISSED");
            let Starts { median_ms, least_ms, most_ms, runs, steps_ms } = starts;
            let at = |step: &&str| steps_ms.get(*step).and_then(serde_json::Value::as_f64).map(|ms| format!("{step} {ms:.0}"));
            let steps: Vec<_> = STEPS.iter().filter_map(at).collect();
            println!("{what:<34} {condition:<5} {median_ms:>6.0} ms ({least_ms:.0} to {most_ms:.0}, {runs} runs) {verdict:<12} {}", steps.join(", "));
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_holds_for_its_profile_only() {
        let stream = |warm: f64| -> Vec<Stream> {
            let starts = |ms: f64| serde_json::json!({ "median_ms": ms, "least_ms": ms, "most_ms": ms, "runs": 1, "steps_ms": { "frame": ms } });
            serde_json::from_value(
                serde_json::json!([{ "name": "x", "what": "x", "cold": starts(799.0), "warm": starts(warm), "told": starts(999.0) }]),
            )
            .unwrap()
        };
        assert_eq!([print(&stream(499.0), PROFILE), print(&stream(501.0), PROFILE), print(&stream(501.0), "mobile")], [true, false, true]);
    }
}
