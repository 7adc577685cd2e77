//! `jetty`: upload and download through JettySpeed edge.

mod arguments;
mod commands;
mod config;
mod doctor;
mod edges;
mod folders;
mod interrupt;
mod limit;
mod private_file;
mod show;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use jettyspeed_client::Error;

use arguments::{Arguments, Command};
use show::Show;

fn main() -> ExitCode {
    let parsed = Arguments::command().try_get_matches().and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => {
            eprintln!(
                "jetty: a name, id or other text in the arguments or in JETTY_… is not UTF-8, and the server takes nothing else; only local paths may be so"
            );
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    let show = Show::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            show.error(&Error::Usage(format!("no threads: {error}")));
            return ExitCode::FAILURE;
        }
    };
    let typed = config::typed(&matches);
    let code = runtime.block_on(async {
        let patience = if matches!(arguments.command, Command::Doctor(_)) { doctor::PATIENCE } else { interrupt::PATIENCE };
        let (interrupted, running) = (interrupt::listen(patience), doctor::Running::default());
        let code = tokio::select! {
            result = commands::run(arguments, &typed, &running, &show) => return ended(result, &show),
            // What runs is dropped, and takes its temporary files along.
            Ok(code) = interrupted => code,
        };
        show.interrupted();
        if let Err(left) = running.clean_up().await {
            show.left(&left);
        }
        code
    });
    // A thread that waits for a FIFO or for a disk that is gone must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// The exit code of a command that has ended.
fn ended(result: Result<u8, Error>, show: &Show) -> u8 {
    match result.and_then(|code| show.must_have_been_written().map(|()| code)) {
        Ok(code) => code,
        Err(error) => {
            show.error(&error);
            code(&error)
        }
    }
}

/// The exit code of an error; see the command's help.
fn code(error: &Error) -> u8 {
    match (error, error.status()) {
        _ if matches!(error.code(), Some("bandwidth-exceeded" | "too-many-uploads")) => 5,
        (Error::Mismatch(_) | Error::Receipt(_), _) => 6,
        (Error::Usage(_), _) => 2,
        (_, Some(401 | 403)) => 3,
        (Error::NotFound(_), _) | (_, Some(404 | 410)) => 4,
        (_, Some(413 | 507)) => 5,
        _ => 1,
    }
}
