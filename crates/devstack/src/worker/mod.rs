//! The Worker in a real workerd: through `wrangler dev`, as users of this repository run it, or through Miniflare's API, which has the same runtime and
//! simulators without the bundler and the second workerd in front. Tests that need many Workers use the latter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::Group;
use crate::credentials::sha256_hex;
use crate::seed::Seed;
use crate::state::write_private;
use crate::usage::Usage;
use crate::{Result, net, root};

/// Maximum time for a start.
const START_LIMIT: Duration = Duration::from_secs(240);

/// The parameters of a Worker; kept so that it can be restarted.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where workerd keeps D1, KV and Durable Objects.
    pub state: PathBuf,
    /// The Worker's port.
    pub port: u16,
    /// Vars and secrets in env-file format.
    pub env_file: String,
    /// How it is run.
    pub runner: Runner,
}

/// How a Worker is run.
#[derive(Debug, Clone)]
pub enum Runner {
    /// `wrangler dev`.
    Wrangler,
    /// Miniflare, with the options file that [`options`] wrote.
    Miniflare(PathBuf),
}

/// Which build of the Worker runs. Each has its own folder, so that they cannot be confused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// The build that is deployed, tested and measured (`script/build`).
    Release,
    /// The quick build of `script/dev` (`script/build --dev`).
    Dev,
}

impl Build {
    fn folder(self) -> PathBuf {
        root().join(match self {
            Build::Release => "build",
            Build::Dev => "target/dev-worker",
        })
    }
}

/// Writes Wrangler's interpretation of `wrangler.toml` to `path`, with `build` as the Worker.
pub async fn options(path: &Path, build: Build) -> Result<()> {
    let mut command = miniflare();
    command.arg("options").arg(root().join("wrangler.toml")).arg(build.folder().join("index.js")).arg(path);
    let output = tokio::process::Command::from(command).output().await?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}

fn miniflare() -> Command {
    let mut command = Command::new(root().join("node_modules/.bin/node"));
    command.arg(root().join("crates/devstack/src/worker/miniflare.mjs")).env("NO_COLOR", "1").current_dir(root());
    command
}

/// A running Worker.
pub struct Worker {
    setup: Setup,
    group: Group,
}

impl Setup {
    fn wrangler(&self) -> Command {
        let mut command = Command::new(root().join("node_modules/.bin/wrangler"));
        // Its own registry: wrangler sessions on one machine would otherwise connect to each other. No trace store: it would hold the URL of every request,
        // and with it the tokens of content URLs.
        command
            .current_dir(root())
            .env("WRANGLER_REGISTRY_PATH", self.state.join("registry"))
            .env("NO_COLOR", "1")
            .env("X_LOCAL_OBSERVABILITY", "false");
        command
    }

    fn env_path(&self) -> PathBuf {
        self.state.join("dev.vars")
    }

    fn log(&self) -> PathBuf {
        self.state.join("logs/worker.log")
    }

    /// Applies migrations and seeds that this state folder has not had yet.
    pub async fn prepare(&self, seeds: &[Seed], bucket: &str) -> Result<()> {
        let seed_sql: String = seeds.iter().map(|seed| seed.sql(bucket)).collect();
        let mut wanted = seed_sql.clone();
        for entry in fs::read_dir(root().join("migrations"))? {
            wanted.push_str(&fs::read_to_string(entry?.path())?);
        }
        let wanted = sha256_hex(wanted.as_bytes());
        let stamp = self.state.join("prepared");
        if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
            return Ok(());
        }
        let seed_path = self.state.join("seed.sql");
        write_private(&seed_path, &seed_sql)?;
        self.migrate().await?;
        self.d1(&["execute", "DB", "--yes", "--file", &seed_path.to_string_lossy()]).await?;
        fs::remove_file(&seed_path)?;
        fs::write(stamp, wanted)?;
        Ok(())
    }

    /// Applies the migrations.
    pub async fn migrate(&self) -> Result<()> {
        self.d1(&["migrations", "apply", "DB"]).await.map(|_| ())
    }

    /// Applies the migrations to the database `binding` of another configuration than `wrangler.toml`.
    pub async fn migrate_of(&self, config: &Path, binding: &str) -> Result<()> {
        self.d1(&["migrations", "apply", binding, "--config", &config.to_string_lossy()]).await.map(|_| ())
    }

    /// Runs `wrangler d1 …` on the local database.
    async fn d1(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.wrangler();
        command.arg("d1").args(arguments).args(["--local", "--persist-to"]).arg(&self.state).env("CI", "1");
        let output = tokio::process::Command::from(command).output().await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("wrangler d1 {}: {text}{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(text)
    }

    /// Starts it and waits until the Worker reports that it is healthy.
    pub async fn start(self) -> Result<Worker> {
        let mut worker = self.launch()?;
        worker.wait_ready().await?;
        Ok(worker)
    }

    /// Starts one whose configuration is wrong, and waits until it says so: 503.
    pub async fn start_misconfigured(self) -> Result<Worker> {
        let mut worker = self.launch()?;
        let (health, group) = (worker.health(), &mut worker.group);
        net::wait_until("the Worker", &health, START_LIMIT, || group.is_alive(), |status| status == 503).await?;
        Ok(worker)
    }

    fn launch(self) -> Result<Worker> {
        if !net::port_is_free(self.port) {
            return Err(format!("port {} is taken: set PORT to another one", self.port).into());
        }
        write_private(&self.env_path(), &self.env_file)?;
        let group = self.spawn()?;
        Ok(Worker { setup: self, group })
    }

    fn spawn(&self) -> Result<Group> {
        let command = match &self.runner {
            Runner::Wrangler => self.dev(),
            Runner::Miniflare(options) => {
                let mut command = miniflare();
                command.arg("serve").arg(options).arg(self.env_path()).arg(&self.state).arg(self.port.to_string());
                command
            }
        };
        Group::start("the Worker", command, &self.log())
    }

    fn dev(&self) -> Command {
        let mut command = self.wrangler();
        command
            .args(["dev", "--ip", "127.0.0.1", "--inspector-port", "0", "--show-interactive-dev-session=false", "--port"])
            .arg(self.port.to_string())
            .arg("--persist-to")
            .arg(&self.state)
            .arg("--env-file")
            .arg(self.env_path());
        command
    }
}

impl Worker {
    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.setup.port)
    }

    /// Whether its Node process runs. (For workerd see [`Worker::is_unresponsive`].)
    pub fn is_alive(&mut self) -> bool {
        self.group.is_alive()
    }

    /// Whether the Worker gives no response of any status within `patience`. If both of its workerd processes are killed, wrangler restarts them and
    /// accepts connections, but answers none.
    ///
    /// Sent with the operator's token, so that it does not count against the rate limit of unauthenticated callers.
    pub async fn is_unresponsive(&self, patience: Duration, admin_token: &str) -> bool {
        let Ok(client) = net::http().timeout(patience).build() else { return false };
        client.get(format!("{}/api/health", self.url())).bearer_auth(admin_token).send().await.is_err()
    }

    /// CPU time and memory of its workerd processes.
    pub fn usage(&self) -> Usage {
        Usage::of_group(self.group.pid(), "workerd")
    }

    /// Kills Node and all its workerd processes (SIGKILL), then starts them again with the same state.
    pub async fn kill_and_restart(&mut self) -> Result<()> {
        self.kill();
        self.restart().await
    }

    /// Kills Node and all its workerd processes (SIGKILL).
    pub fn kill(&mut self) {
        self.group.kill();
    }

    /// Ends Node and all its workerd processes after they have finished.
    pub fn stop(&mut self) {
        self.group.stop();
    }

    /// Starts it again with the same state.
    pub async fn restart(&mut self) -> Result<()> {
        self.group.kill();
        self.group = self.setup.spawn()?;
        self.wait_ready().await
    }

    /// Its parameters.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.setup.log()
    }

    fn health(&self) -> String {
        format!("{}/api/health", self.url())
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let health = self.health();
        let group = &mut self.group;
        let ready = net::wait_ready("the Worker", &health, START_LIMIT, || group.is_alive()).await;
        ready.map_err(|error| format!("{error}\n{}", self.group.tail()).into())
    }
}
