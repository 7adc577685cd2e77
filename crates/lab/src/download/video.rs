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

/// Starts of one kind of stream: from the page's wish to the first frame, ms.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Stream {
    name: String,
    what: String,
    cold: Starts,
    warm: Starts,
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
    for Stream { what, cold, warm, .. } in streams {
        for (condition, starts, most) in [("cold", cold, COLD_MS), ("warm", warm, WARM_MS)] {
            let verdict = match (profile == PROFILE, starts.median_ms < most) {
                (false, _) => "",
                (true, true) => "met",
                (true, false) => "MISSED",
            };
            met &= verdict != "MISSED";
            let Starts { median_ms, least_ms, most_ms, runs, steps_ms } = starts;
            let steps: Vec<_> = steps_ms.iter().map(|(step, ms)| format!("{step} {:.0}", ms.as_f64().unwrap_or_default())).collect();
            println!(
                "{what:<34} {condition:<5} {median_ms:>6.0} ms ({least_ms:.0} to {most_ms:.0}, {runs} runs) < {most:.0} {verdict:<7} {}",
                steps.join(", ")
            );
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
            serde_json::from_value(serde_json::json!([{ "name": "x", "what": "x", "cold": starts(799.0), "warm": starts(warm) }])).unwrap()
        };
        assert_eq!([print(&stream(499.0), PROFILE), print(&stream(501.0), PROFILE), print(&stream(501.0), "mobile")], [true, false, true]);
    }
}
