//! Server URL and credentials: from flags, then the environment, then the configuration file.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use jettyspeed_client::Error;
use serde::{Deserialize, Serialize};
use serde_json::json;

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

impl Stored {
    fn load() -> Result<Stored, Error> {
        let path = path()?;
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| Error::Usage(format!("{}: {}", path.display(), error.message()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Stored::default()),
            Err(source) => Err(Error::File { path, source }),
        }
    }

    fn save(&self) -> Result<(), Error> {
        let path = path()?;
        let failed = |source| Error::File { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = toml::to_string(self).map_err(|error| Error::Usage(error.to_string()))?;
        let mut options = fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
    }
}

impl Config {
    /// Each value from the first of flag, environment and file that has it.
    pub fn effective(given: &Given) -> Result<Config, Error> {
        let stored = Stored::load()?;
        let need = |value: Option<String>, flag: &str, variable: &str| {
            value
                .filter(|text| !text.is_empty())
                .ok_or_else(|| Error::Usage(format!("no {flag} is configured: set {variable}, or run 'jetty config --url … --key … --secret …'")))
        };
        Ok(Config {
            url: need(given.url.clone().or(stored.url), "server", "JETTY_URL")?,
            key: need(given.key.clone().or(stored.key), "key", "JETTY_API_KEY")?,
            secret: need(given.secret.clone().or(stored.secret), "secret", "JETTY_API_SECRET")?,
        })
    }
}

/// `jetty config`: writes the flags that are on the command line to the file, then prints the effective configuration.
pub fn command(given: &Given, show: &Show) -> Result<(), Error> {
    let mut stored = Stored::load()?;
    // Environment variables apply to this run only; flags that were typed are saved.
    let typed = |flag: &str| std::env::args().any(|argument| argument == flag || argument.starts_with(&format!("{flag}=")));
    let mut changed = false;
    for (flag, value, slot) in
        [("--url", &given.url, &mut stored.url), ("--key", &given.key, &mut stored.key), ("--secret", &given.secret, &mut stored.secret)]
    {
        if typed(flag) {
            slot.clone_from(value);
            changed = true;
        }
    }
    if changed {
        stored.save()?;
    }
    let url = given.url.clone().or(stored.url);
    let key = given.key.clone().or(stored.key);
    let has_secret = given.secret.is_some() || stored.secret.is_some();
    let path = path()?;
    if show.is_json() {
        show.json(&json!({ "path": path, "url": url, "key": key, "secret": if has_secret { "set" } else { "not set" } }));
    } else {
        println!("file    {}", path.display());
        println!("url     {}", url.as_deref().unwrap_or("not set"));
        println!("key     {}", key.as_deref().unwrap_or("not set"));
        println!("secret  {}", if has_secret { "set (not shown)" } else { "not set" });
    }
    Ok(())
}
