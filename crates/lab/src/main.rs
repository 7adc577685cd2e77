//! `script/lab`.

#![allow(clippy::disallowed_methods)]

mod arguments;

use std::process::ExitCode;

use arguments::{Asked, Options, USAGE, parse};
use jettyspeed_devstack::Result;
use jettyspeed_lab::lab::Lab;
use jettyspeed_lab::{download, edge, floor, gateway, namespace, profile, store, upload};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(asked) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(asked).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(asked: Asked) -> Result<u8> {
    match asked {
        Asked::List => {
            for (name, profile) in profile::all()? {
                println!("{name:<14} {}", profile.summary);
            }
            Ok(0)
        }
        Asked::Store(address) => store::serve(address.parse()?).await.map(|()| 0),
        Asked::Edge(plan) => edge::run(&serde_json::from_str(&std::fs::read_to_string(plan)?)?).await.map(|()| 0),
        Asked::Gateway(plan) => gateway::run(&serde_json::from_str(&std::fs::read_to_string(plan)?)?).await.map(|()| 0),
        Asked::Floor(_) | Asked::Run(..) | Asked::Upload(_) | Asked::Download(_) if !namespace::is_root() => {
            eprintln!("script/lab needs root: it makes network namespaces and TUN devices");
            Ok(namespace::NOT_ROOT)
        }
        // Dropping what is interrupted ends every process and removes every namespace of it.
        Asked::Floor(options) => or_signal(measure(&options)).await,
        Asked::Upload(options) => or_signal(measure_uploads(&options)).await,
        Asked::Download(options) => or_signal(measure_downloads(&options)).await,
        Asked::Run(options, command) => or_signal(run_command(&options, &command)).await,
    }
}

/// The outcome of `work`, or the exit code of the signal that ended it.
async fn or_signal(work: impl Future<Output = Result<u8>>) -> Result<u8> {
    let (mut interrupts, mut terminations, mut hangups) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        outcome = work => outcome,
        _ = interrupts.recv() => Ok(130),
        _ = terminations.recv() => Ok(143),
        _ = hangups.recv() => Ok(129),
    }
}

async fn measure(options: &Options) -> Result<u8> {
    let profile = profile::named(&options.profile)?;
    let congestion = options.congestion();
    let floors = floor::of_profile(&profile, &congestion, &[100_000_000, 1_000_000_000]).await?;
    floor::print(&options.profile, &congestion, &floors);
    Ok(0)
}

async fn measure_uploads(options: &upload::Options) -> Result<u8> {
    let met = upload::run(&std::env::current_exe()?, options).await?;
    Ok(u8::from(!met && !options.report_only))
}

async fn measure_downloads(options: &download::Options) -> Result<u8> {
    let met = download::run(&std::env::current_exe()?, options).await?;
    Ok(u8::from(!met && !options.report_only))
}

async fn run_command(options: &Options, command: &[String]) -> Result<u8> {
    let profile = profile::named(&options.profile)?;
    let lab = Lab::start_with(&std::env::current_exe()?, &profile, options.edges, &options.congestion(), options.gateway).await?;
    let (program, arguments) = command.split_first().ok_or("no command")?;
    eprintln!("lab: {}: {}; client {}, edge {}", options.profile, profile.summary, options.client_cc, options.edge_cc);
    let mut command = lab.command(program);
    command.args(arguments).env("LAB_PROFILE", &options.profile);
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let status = child.wait().await?;
    Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
