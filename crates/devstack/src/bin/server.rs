//! `script/server`: the whole product on a laptop, from one command.

#![allow(clippy::disallowed_methods)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jettyspeed_devstack::origin::Swift;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::{Dev, OriginAccess, Secrets, write_private};
use jettyspeed_devstack::worker::{self, Runner, Setup};
use jettyspeed_devstack::{Result, bucket};
use tokio::signal::unix::{SignalKind, signal};

/// Health needs no I/O: an answer that takes longer is none, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the Worker is asked whether it is there: `wrangler dev` stays up, deaf, when its workerd dies.
const WATCH: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    if let Err(error) = run().await {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

fn required(name: &str) -> Result<String> {
    let value = variable(name, "");
    if value.is_empty() { Err(format!("LYVE_ENDPOINT is set, but {name} is not").into()) } else { Ok(value) }
}

fn port(name: &str, default: &str) -> Result<u16> {
    let text = variable(name, default);
    text.parse().map_err(|_| format!("{name}={text} is not a port").into())
}

/// Prints a line. Whoever started us may have stopped reading, which must not stop us.
fn print(text: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn say(text: &str) {
    print(&format!("\x1b[1m==>\x1b[0m {text}"));
}

async fn run() -> Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut hangups = signal(SignalKind::hangup())?;
    let stopped = async {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
            _ = hangups.recv() => {}
        }
    };
    // Dropping `serve` drops the stack, which ends every child.
    tokio::select! {
        result = serve() => result,
        () = stopped => {
            say("stopping");
            Ok(())
        }
    }
}

/// `RUNNER=miniflare` goes without what `wrangler dev` puts in front of the Worker: for measurements.
async fn runner(state: &Path) -> Result<Runner> {
    match variable("RUNNER", "wrangler").as_str() {
        "wrangler" => Ok(Runner::Wrangler),
        "miniflare" => {
            let path = state.join("options.json");
            worker::options(&path).await?;
            Ok(Runner::Miniflare(path))
        }
        other => Err(format!("RUNNER must be wrangler or miniflare, not {other}").into()),
    }
}

async fn serve() -> Result<()> {
    let started = Instant::now();
    let state = PathBuf::from(variable("STATE_DIR", ".wrangler/state"));
    std::fs::create_dir_all(&state)?;
    let state = state.canonicalize()?;
    let dev_path = state.join("dev.json");
    // Whoever waits for this file waits for this run's.
    let _ = std::fs::remove_file(&dev_path);
    let (worker_port, origin_port) = (port("PORT", "8787")?, port("ORIGIN_PORT", "9000")?);
    let secrets = Secrets::of(&state)?;
    let own_store = std::env::var("LYVE_ENDPOINT").ok().filter(|value| !value.is_empty());
    let origin = match &own_store {
        Some(endpoint) => OriginAccess {
            endpoint: endpoint.clone(),
            region: variable("LYVE_REGION", "us-east-1"),
            bucket: variable("LYVE_BUCKET_NAME", "agentcache-assets"),
            access_key_id: required("LYVE_ACCESS_KEY_ID")?,
            secret_access_key: required("LYVE_SECRET_ACCESS_KEY")?,
        },
        None => OriginAccess {
            endpoint: format!("http://127.0.0.1:{origin_port}"),
            region: variable("LYVE_REGION", "us-east-1"),
            bucket: variable("LYVE_BUCKET_NAME", "agentcache-assets"),
            access_key_id: "jetty:speed".to_owned(),
            secret_access_key: secrets.origin_secret.clone(),
        },
    };
    let seeds = [Seed::of(secrets.account.clone(), "enterprise")];
    let setup = Setup { state: state.clone(), port: worker_port, env_file: secrets.env_file(&origin, &[]), runner: runner(&state).await? };

    say(match own_store {
        Some(_) => "preparing the database",
        None => "starting the S3 origin (OpenStack Swift) and preparing the database",
    });
    let folder = state.join("swift");
    let start_origin = async {
        match own_store {
            Some(_) => {
                // Keys that may not create buckets are common; the bucket may be there.
                if let Err(error) = bucket::create(&origin).await {
                    say(&format!("warning: {error}"));
                }
                Ok(None)
            }
            None => Swift::start(&folder, origin_port, &origin).await.map(Some),
        }
    };
    let (swift, prepared) = tokio::join!(start_origin, setup.prepare(&seeds, &origin.bucket));
    let mut swift = swift?;
    prepared?;
    say(match setup.runner {
        Runner::Wrangler => "starting workerd (wrangler dev)",
        Runner::Miniflare(_) => "starting workerd (Miniflare)",
    });
    let mut worker = setup.start().await?;

    let dev = Dev {
        url: worker.url(),
        origin,
        account: secrets.account.clone(),
        webhook_secret: secrets.webhook_secret.clone(),
        admin_token: secrets.admin_token.clone(),
    };
    write_private(&dev_path, &(serde_json::to_string_pretty(&dev)? + "\n"))?;
    let jetty = std::env::current_exe()?.with_file_name("jetty");
    print(&format!("\n  url      {}", dev.url));
    print(&format!("  origin   {} (bucket {})", dev.origin.endpoint, dev.origin.bucket));
    print(&format!("  key      {}", dev.account.api_key));
    print(&format!("  secret   {}", dev.account.api_secret));
    print(&format!("  all of it is in {}\n", dev_path.display()));
    print("Upload a file:\n");
    print(&format!(
        "  JETTY_URL={} JETTY_API_KEY={} JETTY_API_SECRET={} {} upload FILE\n",
        dev.url,
        dev.account.api_key,
        dev.account.api_secret,
        jetty.display()
    ));
    say(&format!("ready after {:.1} s; Ctrl-C stops everything", started.elapsed().as_secs_f64()));

    let mut deaf = 0;
    loop {
        tokio::time::sleep(WATCH).await;
        if swift.as_mut().is_some_and(|swift| !swift.is_alive()) {
            return Err(format!("the S3 origin stopped\n{}", swift.map_or(String::new(), |swift| swift.tails())).into());
        }
        deaf = if worker.is_deaf(PATIENCE, &dev.admin_token).await { deaf + 1 } else { 0 };
        if !worker.is_alive() || deaf >= 2 {
            say("workerd does not answer: starting it again");
            worker.restart().await?;
            deaf = 0;
            say("ready");
        }
    }
}
