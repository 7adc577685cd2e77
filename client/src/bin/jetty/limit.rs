//! `--limit`, and `jetty limit`, which changes the limit of commands that run.

use std::path::PathBuf;
use std::time::Duration;

use chrono::Timelike;
use clap::Args;
use jettyspeed_client::{Edge, Error, Rate, Schedule};
use serde_json::json;

use crate::private_file;
use crate::show::Show;

/// How often running commands read the limit.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct LimitArgs {
    /// Bytes per second (800K, 20M, 1.5G), off, or times from which they hold ("08:00,5M 18:00,off", local time); shows what is set by default
    #[arg(value_parser = Schedule::parse)]
    value: Option<Schedule>,
    /// Take back what was set: running commands have their own limits again
    #[arg(long, conflicts_with = "value")]
    clear: bool,
}

/// The file that running commands read.
fn path() -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os("JETTY_DATA") {
        return Ok(PathBuf::from(folder).join("limit"));
    }
    let folders =
        directories::ProjectDirs::from("", "", "jettyspeed").ok_or_else(|| Error::Usage("there is no home folder; set JETTY_DATA".to_owned()))?;
    Ok(folders.data_local_dir().join("limit"))
}

/// What was set for running commands; None if nothing was, or what is no limit.
fn set_for_all() -> Option<Schedule> {
    let text = std::fs::read_to_string(path().ok()?).ok()?;
    Schedule::parse(text.trim()).ok()
}

/// The rate that holds now: what was set for running commands before what a command was given.
fn rate(of_all: Option<&Schedule>, own: Option<&Schedule>, minute: u16) -> Rate {
    of_all.or(own).map_or(Rate::OFF, |schedule| schedule.rate_at(minute))
}

fn minute_of_day() -> u16 {
    let now = chrono::Local::now();
    u16::try_from(now.hour() * 60 + now.minute()).unwrap_or_default()
}

/// Holds the limit of `edge` at what was given, or set by `jetty limit`, until the command ends.
pub fn hold(edge: &Edge, own: Option<Schedule>) {
    let limit = edge.limit.clone();
    limit.set(rate(set_for_all().as_ref(), own.as_ref(), minute_of_day()));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let Ok(of_all) = tokio::task::spawn_blocking(set_for_all).await else { return };
            limit.set(rate(of_all.as_ref(), own.as_ref(), minute_of_day()));
        }
    });
}

/// `jetty limit`.
pub fn command(wanted: &LimitArgs, show: &Show) -> Result<(), Error> {
    let path = path()?;
    if let Some(value) = &wanted.value {
        private_file::replace(&path, &format!("{value}\n")).map_err(|source| Error::File { path, source })?;
    } else if wanted.clear {
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(Error::File { path, source }),
            _ => {}
        }
    }
    let set = set_for_all().map(|schedule| schedule.to_string());
    if show.is_json() {
        show.json(&json!({ "limit": set }));
    } else {
        show.line(&set.map_or_else(|| "nothing is set: every command has its own --limit".to_owned(), |set| format!("limit {set}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_for_all_goes_before_what_a_command_was_given() {
        let schedule = |text: &str| Schedule::parse(text).unwrap();
        let (all, own) = (schedule("08:00,1M 18:00,off"), schedule("5M"));
        let shown = |of_all: Option<&Schedule>, own: Option<&Schedule>, minute| rate(of_all, own, minute).to_string();
        assert_eq!(shown(Some(&all), Some(&own), 600), "1M");
        assert_eq!(shown(Some(&all), Some(&own), 1_200), "off");
        assert_eq!((shown(None, Some(&own), 600), shown(None, None, 600)), ("5M".to_owned(), "off".to_owned()));
    }
}
