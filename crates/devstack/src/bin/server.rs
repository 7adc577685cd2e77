//! `script/server`: the whole product on a laptop, from one command. `--watch` is `script/dev`: the Worker is rebuilt and replaced whenever its sources change.

#![allow(clippy::disallowed_methods)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use jettyspeed_devstack::origin::Swift;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::{Dev, OriginAccess, Secrets, write_private};
use jettyspeed_devstack::watch::Sources;
use jettyspeed_devstack::worker::{self, Build, Runner, Setup, Worker};
use jettyspeed_devstack::{Result, bucket, root};
use tokio::signal::unix::{SignalKind, signal};

/// Timeout of a health request, which needs no I/O, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// Interval of health checks: `wrangler dev` stays up without answering when its workerd dies.
const WATCH: Duration = Duration::from_secs(2);
/// How long a new build may take to start; after that, the next change is awaited.
const START: Duration = Duration::from_secs(60);
/// Interval at which the sources are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

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

/// Prints a line. A closed standard output must not stop the server.
fn print(text: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn print_step(text: &str) {
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let watch = match arguments.as_slice() {
        [] => false,
        [one] if one == "--watch" => true,
        _ => return Err("usage: script/server, or script/dev to rebuild the Worker on every save".into()),
    };
    // Dropping `serve` drops the stack, which ends every child.
    tokio::select! {
        result = serve(watch) => result,
        () = stopped => {
            print_step("stopping");
            Ok(())
        }
    }
}

/// With `--watch` the Worker is run through Miniflare, because `wrangler dev` would build it itself, for release. `RUNNER=miniflare`
/// runs a release build that way, for measurements.
async fn runner(state: &Path, watch: bool) -> Result<Runner> {
    let path = state.join("options.json");
    match variable("RUNNER", if watch { "miniflare" } else { "wrangler" }).as_str() {
        "wrangler" if !watch => Ok(Runner::Wrangler),
        "wrangler" => Err("script/dev runs the Worker without wrangler: leave RUNNER unset".into()),
        "miniflare" => {
            worker::options(&path, if watch { Build::Dev } else { Build::Release }).await?;
            Ok(Runner::Miniflare(path))
        }
        other => Err(format!("RUNNER must be wrangler or miniflare, not {other}").into()),
    }
}

async fn serve(watch: bool) -> Result<()> {
    let started = Instant::now();
    let state = PathBuf::from(variable("STATE_DIR", ".wrangler/state"));
    std::fs::create_dir_all(&state)?;
    let state = state.canonicalize()?;
    let dev_path = state.join("dev.json");
    // A program that waits for this file must not read that of an earlier run.
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
    // Read before the build starts, so that every later change triggers another build.
    let mut sources = watch.then(|| Sources::of(&root()));
    let seeds = [Seed::of(secrets.account.clone(), "enterprise")];
    let setup = Setup { state: state.clone(), port: worker_port, env_file: secrets.env_file(&origin, &[]), runner: runner(&state, watch).await? };

    print_step(match own_store {
        Some(_) => "preparing the database",
        None => "starting the S3 origin (OpenStack Swift) and preparing the database",
    });
    let folder = state.join("swift");
    let start_origin = async {
        match own_store {
            Some(_) => {
                // Keys that may not create buckets are common; the bucket may exist.
                if let Err(error) = bucket::create(&origin).await {
                    print_step(&format!("warning: {error}"));
                }
                Ok(None)
            }
            None => Swift::start(&folder, origin_port, &origin).await.map(Some),
        }
    };
    let (swift, prepared) = tokio::join!(start_origin, setup.prepare(&seeds, &origin.bucket));
    let mut swift = swift?;
    prepared?;
    print_step(match setup.runner {
        Runner::Wrangler => "starting workerd (wrangler dev)",
        Runner::Miniflare(_) => "starting workerd (Miniflare)",
    });
    let mut worker = setup.clone().start().await?;

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
    print(&format!("  log      {}", worker.log().display()));
    print(&format!("  all of it is in {}\n", dev_path.display()));
    print("Upload a file:\n");
    print(&format!(
        "  JETTY_URL={} JETTY_API_KEY={} JETTY_API_SECRET={} {} upload FILE\n",
        dev.url,
        dev.account.api_key,
        dev.account.api_secret,
        jetty.display()
    ));
    print_step(&format!("ready after {:.1} s; Ctrl-C stops everything", started.elapsed().as_secs_f64()));

    if watch {
        print_step(
            "watching src/, dashboard/, migrations/ and wrangler.toml: a save builds the Worker again and replaces it; accounts and files stay",
        );
    }
    let (mut failures, mut checked_at, mut serves) = (0, Instant::now(), true);
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        if let Some(sources) = &mut sources
            && sources.have_changed().await
        {
            serves = replace(&mut worker, &setup, &seeds, &dev.origin.bucket).await.unwrap_or(serves);
            continue;
        }
        // A build that did not start is not retried before the next change.
        if checked_at.elapsed() < WATCH || !serves {
            continue;
        }
        checked_at = Instant::now();
        if swift.as_mut().is_some_and(|swift| !swift.is_alive()) {
            return Err(format!("the S3 origin stopped\n{}", swift.map_or(String::new(), |swift| swift.tails())).into());
        }
        failures = if worker.is_unresponsive(PATIENCE, &dev.admin_token).await { failures + 1 } else { 0 };
        if !worker.is_alive() || failures >= 2 {
            print_step("workerd does not answer: starting it again");
            worker.restart().await?;
            failures = 0;
            print_step("ready");
        }
    }
}

/// Rebuilds the Worker and replaces the running one. The compiler reports build errors, this function start errors; the next save retries either.
/// Returns whether the new Worker serves, or None if there is no new one.
async fn replace(worker: &mut Worker, setup: &Setup, seeds: &[Seed], bucket: &str) -> Option<bool> {
    let saved = Instant::now();
    print_step("sources have changed: building");
    match build().await {
        Ok(true) => {}
        Ok(false) => {
            print_step("not built: the one before goes on");
            return None;
        }
        Err(error) => {
            print_step(&format!("script/build cannot be run: {error}"));
            return None;
        }
    }
    let built = saved.elapsed();
    worker.stop();
    let started = async {
        // Reading the configuration takes Wrangler a second: only if it has changed.
        if let Runner::Miniflare(options) = &setup.runner
            && modified(&root().join("wrangler.toml"))? > modified(options)?
        {
            worker::options(options, Build::Dev).await?;
        }
        setup.prepare(seeds, bucket).await?;
        worker.restart().await
    };
    let started = tokio::time::timeout(START, started).await.unwrap_or_else(|_| Err(format!("it is not ready after {} s", START.as_secs()).into()));
    match &started {
        Ok(()) => print_step(&format!(
            "serving the new build {:.1} s after the save (built in {:.1} s)",
            saved.elapsed().as_secs_f64(),
            built.as_secs_f64()
        )),
        Err(error) => print_step(&format!("the new build does not start: {error}")),
    }
    Some(started.is_ok())
}

fn modified(path: &Path) -> Result<SystemTime> {
    Ok(std::fs::metadata(path)?.modified()?)
}

async fn build() -> Result<bool> {
    let mut command = tokio::process::Command::new(root().join("script/build"));
    Ok(command.arg("--dev").current_dir(root()).stdin(Stdio::null()).kill_on_drop(true).status().await?.success())
}
