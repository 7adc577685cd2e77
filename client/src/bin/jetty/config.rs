//! Server URL and credentials: from flags, then the environment, then the configuration file.

use std::fs;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use jettyspeed_client::Error;
use jettyspeed_client::text::printable;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::private_file;
use crate::show::Show;

/// Values of the command line and the environment.
#[derive(Args, Clone)]
pub struct Given {
    /// The server, https://host[:port]
    #[arg(long, env = "JETTY_URL", global = true)]
    url: Option<String>,
    /// The account's API key, jt_live_…
    #[arg(long, env = "JETTY_API_KEY", hide_env_values = true, global = true)]
    key: Option<String>,
    /// The account's API secret, jts_… (better in the environment or in the configuration file: others see the command line)
    #[arg(long, env = "JETTY_API_SECRET", hide_env_values = true, global = true)]
    secret: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    url: Option<String>,
    key: Option<String>,
    secret: Option<String>,
}

/// The effective configuration.
pub struct Config {
    pub url: String,
    pub key: String,
    pub secret: String,
}

fn path() -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os("JETTY_CONFIG") {
        return Ok(path.into());
    }
    let folders =
        directories::ProjectDirs::from("", "", "jettyspeed").ok_or_else(|| Error::Usage("there is no home folder; set JETTY_CONFIG".to_owned()))?;
    Ok(folders.config_dir().join("config.toml"))
}

/// Which flags are on the command line. Environment variables apply to one run only; flags that were typed are saved.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    url: bool,
    key: bool,
    secret: bool,
}

/// The flags of [`Given`] that the command line has.
pub fn typed(matches: &ArgMatches) -> Typed {
    let innermost = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let is_typed = |flag: &str| innermost.value_source(flag) == Some(ValueSource::CommandLine);
    Typed { url: is_typed("url"), key: is_typed("key"), secret: is_typed("secret") }
}

impl Stored {
    fn load() -> Result<Stored, Error> {
        let path = path()?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(source) => return Err(Error::File { path, source }),
        };
        Stored::parse(&text)
            .map_err(|line| Error::Usage(format!("{}: line {line} is not right: 'url', 'key' and 'secret' are texts", path.display())))
    }

    /// The values, or the number of the line that is wrong: what is in it may be the secret.
    fn parse(text: &str) -> Result<Stored, usize> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            before.matches('\n').count() + 1
        })
    }

    fn save(&self) -> Result<(), Error> {
        let path = path()?;
        let text = toml::to_string(self).map_err(|error| Error::Usage(error.to_string()))?;
        private_file::replace(&path, &text).map_err(|source| Error::File { path, source })
    }
}

impl Config {
    /// Each value from the first of flag, environment and file that has it.
    pub fn effective(given: &Given) -> Result<Config, Error> {
        let Config { url, key, secret } = Config::with_or_without_account(given)?;
        Ok(Config { url, key: need(Some(key), "key", "JETTY_API_KEY")?, secret: need(Some(secret), "secret", "JETTY_API_SECRET")? })
    }

    /// The same, with an empty key and secret where there is none.
    pub fn with_or_without_account(given: &Given) -> Result<Config, Error> {
        let stored = Stored::load()?;
        if stored.secret.is_some() && private_file::is_open_to_others(&path()?) {
            eprintln!(
                "jetty: others can read {}, which has the secret in it; 'jetty config' makes it private",
                printable(&path()?.to_string_lossy())
            );
        }
        Ok(Config {
            url: need(given.url.clone().or(stored.url), "server", "JETTY_URL")?,
            key: given.key.clone().or(stored.key).unwrap_or_default(),
            secret: given.secret.clone().or(stored.secret).unwrap_or_default(),
        })
    }
}

fn need(value: Option<String>, flag: &str, variable: &str) -> Result<String, Error> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::Usage(format!("no {flag} is configured: set {variable}, or run 'jetty config --url … --key … --secret …'")))
}

/// `jetty config`: writes the flags that are on the command line to the file, then prints the effective configuration.
pub fn command(given: &Given, typed: &Typed, show: &Show) -> Result<(), Error> {
    let mut stored = Stored::load()?;
    for (is_typed, value, slot) in
        [(typed.url, &given.url, &mut stored.url), (typed.key, &given.key, &mut stored.key), (typed.secret, &given.secret, &mut stored.secret)]
    {
        if is_typed {
            slot.clone_from(value);
        }
    }
    let path = path()?;
    if *typed != Typed::default() {
        stored.save()?;
    } else if private_file::is_open_to_others(&path) {
        private_file::close_to_others(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    }
    let url = given.url.clone().or(stored.url);
    let key = given.key.clone().or(stored.key);
    let has_secret = given.secret.is_some() || stored.secret.is_some();
    if show.is_json() {
        show.json(&json!({ "path": path.to_string_lossy(), "url": url, "key": key, "secret": if has_secret { "set" } else { "not set" } }));
    } else {
        show.line(&format!("file    {}", path.display()));
        show.line(&format!("url     {}", url.as_deref().unwrap_or("not set")));
        show.line(&format!("key     {}", key.as_deref().unwrap_or("not set")));
        show.line(&format!("secret  {}", if has_secret { "set (not shown)" } else { "not set" }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    use crate::arguments::Arguments;

    #[test]
    fn only_flags_that_were_typed_are_saved_wherever_they_stand() {
        let typed = |arguments: &[&str]| {
            let matches = Arguments::command().try_get_matches_from(std::iter::once("jetty").chain(arguments.iter().copied())).unwrap();
            let Typed { url, key, secret } = super::typed(&matches);
            (url, key, secret)
        };
        assert_eq!(typed(&["config"]), (false, false, false));
        assert_eq!(typed(&["config", "--url", "u", "--secret=s"]), (true, false, true));
        assert_eq!(typed(&["--key", "k", "config"]), (false, true, false));
        assert_eq!(typed(&["config", "--url", "--key"].map(|text| if text == "--key" { "x" } else { text })), (true, false, false));
    }

    #[test]
    fn wrong_configuration_is_told_by_its_line_and_not_by_its_values() {
        assert_eq!(Stored::parse("url = 'u'\nsecret = 'jts_x'").unwrap().secret.as_deref(), Some("jts_x"));
        assert_eq!(Stored::parse("url = 'u'\nsecret = 12345").err(), Some(2));
        assert_eq!(Stored::parse("url = 'u'\n\nsecret = jts_x").err(), Some(3));
    }
}
