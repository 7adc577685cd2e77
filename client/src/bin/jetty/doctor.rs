//! `jetty doctor`: examines a deployment.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use jettyspeed_client::{Check, Doctor, DoctorOptions, Edge, Error};

use crate::config::Config;
use crate::show::Show;

/// How long the command may go on after a signal: it has to ask the deployment to delete what it stored.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Arguments of `jetty doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    /// The operator's token, for bindings, migrations and the store (better in the environment: others see the command line)
    #[arg(long, env = "JETTY_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// A webhook secret, for the webhook echo (better in the environment: others see the command line)
    #[arg(long, env = "JETTY_WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    webhook_secret: Option<String>,
    /// The origin of an application in browsers that calls the API, https://host
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Also make a file of so many bytes, 6.15 GB by default, and get all of it twice; 100 MB of it are sent
    #[arg(long, value_name = "BYTES", num_args = 0..=1, require_equals = true, default_missing_value = "6150000000",
        value_parser = clap::value_parser!(u64).range(20_000_000..=50_000_000_000))]
    large: Option<u64>,
    /// Search this file, to which the deployment's log is being written, for what the examination used
    #[arg(long, value_name = "FILE")]
    logs: Option<PathBuf>,
}

/// The examination that is running, so that it can be cleaned up after if it is interrupted.
#[derive(Default)]
pub struct Running(Mutex<Option<Doctor>>);

impl Running {
    /// Deletes what the examination has stored, if one is running.
    ///
    /// # Errors
    /// What is left.
    pub async fn clean_up(&self) -> Result<(), String> {
        let doctor = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match doctor {
            Some(doctor) => doctor.clean_up_after_interruption().await,
            None => Ok(()),
        }
    }
}

/// Examines, prints each line, and returns the exit code.
pub async fn command(config: &Config, args: DoctorArgs, running: &Running, show: &Show) -> Result<u8, Error> {
    let DoctorArgs { admin_token, webhook_secret, origin, large, logs } = args;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let options = DoctorOptions {
        has_account: !config.key.is_empty() && !config.secret.is_empty(),
        admin_token: given(admin_token),
        webhook_secret: given(webhook_secret),
        origin: given(origin),
        large,
        logs,
    };
    let doctor = Doctor::new(Edge::new(&config.url, &config.key, &config.secret)?, options);
    *running.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(doctor.clone());
    let report = doctor.run(|check| line(check, show)).await;
    running.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    if show.is_json() {
        show.json(&report);
    } else {
        show.line(&report.summary());
    }
    Ok(report.exit_code())
}

/// Prints a check, and below it what to do about it.
fn line(check: &Check, show: &Show) {
    if show.is_json() {
        return;
    }
    show.line(&format!("{:<8} {:<16} {}", check.status.as_str(), check.id, check.detail));
    if let Some(remedy) = &check.remedy {
        show.line(&format!("{:25} → {remedy}", ""));
    }
}
