//! Workers in Miniflare, each in its own process: with D1, which bare workerd lacks, and without the overhead of `wrangler dev`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::peers::{build_folder, vars};
use jettyspeed_devstack::child::Group;
use jettyspeed_devstack::{Result, net, root};

/// Value for limits that must not refuse anything in a benchmark.
pub const NO_LIMIT: &str = "1000000000";

/// A Worker to serve, in the format of `workers/miniflare.mjs`.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Name of the process in messages and of its files in the folder.
    #[serde(skip)]
    pub name: &'static str,
    port: u16,
    state: PathBuf,
    ready: PathBuf,
    modules: Vec<(&'static str, PathBuf)>,
    vars: BTreeMap<&'static str, String>,
    db: bool,
    objects: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

/// A running Worker.
pub struct Server {
    group: Group,
    /// `127.0.0.1:port`
    pub address: String,
    /// Versions of Miniflare and workerd.
    pub versions: String,
    /// When its process started.
    pub started: Instant,
    log: PathBuf,
}

/// The schema of the product's database.
pub fn migrations() -> Result<String> {
    let mut paths = fs::read_dir(root().join("migrations"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(|path| Ok(fs::read_to_string(path)? + "\n")).collect()
}

impl Plan {
    /// The product's Worker as built by `script/build`, with its store at `endpoint` and the database that `sql` creates.
    pub async fn ours(folder: &Path, endpoint: &str, sql: String) -> Result<Plan> {
        let build = build_folder();
        let plan = Plan::of("ours", folder, &build.join("index.js"))?
            .module("index_bg.wasm", build.join("index_bg.wasm"))
            .vars(vars(endpoint))
            .vars([("RATE_LIMIT_MAX_REQUESTS", NO_LIMIT.to_owned())])
            // A line for each request would be measured as Miniflare's Node handles it, which is not what takes them on Cloudflare's network.
            .vars([("LOG_LEVEL", "warn".to_owned())])
            .object("SESSIONS", "UploadSession")
            .object("ACCOUNTS", "AccountLedger")
            .object("LEASES", "EdgeLease")
            .object("EDGES", "EdgeMetrics");
        // The build that this one is compared with may be of before there were these.
        let code = fs::read_to_string(build.join("index.js"))?;
        let later = [("METERS", "PopMeter"), ("LIVE", "LiveFeed")];
        let plan = later.into_iter().filter(|(_, class)| code.contains(class)).fold(plan, |plan, (binding, class)| plan.object(binding, class));
        plan.database(sql).await
    }

    /// A Worker of one module without bindings, its files in `folder`.
    pub fn of(name: &'static str, folder: &Path, module: &Path) -> Result<Plan> {
        let (folder, port) = (folder.join(name), net::free_port()?);
        fs::create_dir_all(&folder)?;
        Ok(Plan {
            name,
            port,
            state: folder.join("state"),
            ready: folder.join("ready"),
            modules: vec![("index.js", module.to_owned())],
            vars: BTreeMap::new(),
            db: false,
            objects: BTreeMap::new(),
            sql: None,
        })
    }

    /// Adds another module.
    pub fn module(mut self, name: &'static str, path: PathBuf) -> Plan {
        self.modules.push((name, path));
        self
    }

    /// Adds variables.
    pub fn vars(mut self, vars: impl IntoIterator<Item = (&'static str, String)>) -> Plan {
        self.vars.extend(vars);
        self
    }

    /// Adds a Durable Object class with SQLite storage.
    pub fn object(mut self, binding: &'static str, class: &'static str) -> Plan {
        self.objects.insert(binding, class);
        self
    }

    /// Adds a D1 database `DB` with the contents of `sql`, written by a separate process, so that the measured one starts fresh.
    pub async fn database(mut self, sql: String) -> Result<Plan> {
        self.db = true;
        drop(Plan { sql: Some(sql), ..self.clone() }.start().await?);
        Ok(self)
    }

    /// Starts it and waits until it accepts calls. The Worker has not been called then.
    pub async fn start(&self) -> Result<Server> {
        let folder = self.ready.parent().ok_or("no folder")?;
        let (config, log) = (folder.join("config.json"), folder.join("log"));
        fs::write(&config, serde_json::to_string(self)?)?;
        if self.ready.exists() {
            fs::remove_file(&self.ready)?;
        }
        let mut command = Command::new(root().join("node_modules/.bin/node"));
        command.arg(root().join("crates/bench/src/workers/miniflare.mjs")).arg(&config).current_dir(folder);
        let started = Instant::now();
        let mut group = Group::start(self.name, command, &log)?;
        while !self.ready.exists() {
            if !group.is_alive() || started.elapsed() > Duration::from_secs(60) {
                return Err(group.tail().into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let versions = fs::read_to_string(&self.ready)?;
        Ok(Server { group, address: format!("127.0.0.1:{}", self.port), versions, started, log })
    }
}

impl Server {
    /// Peak resident memory of the workerd processes so far, bytes (VmHWM of proc_pid_status(5)).
    pub fn peak_memory(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// Resident memory of the workerd processes, bytes (VmRSS).
    pub fn resident_memory(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// Lets [`Server::peak_memory`] begin anew (clear_refs of proc(5)).
    pub fn forget_peak_memory(&self) -> Result<()> {
        self.children()?.iter().try_for_each(|child| Ok(fs::write(format!("/proc/{child}/clear_refs"), "5")?))
    }

    /// CPU time of the workerd processes so far, ms: that of all threads (schedstat of proc(5)).
    pub fn cpu_ms(&self) -> Result<f64> {
        let mut ns = 0;
        for child in self.children()? {
            for thread in fs::read_dir(format!("/proc/{child}/task"))? {
                let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
                ns += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or_default();
            }
        }
        Ok(ns as f64 / 1e6)
    }

    /// Ids of the workerd processes.
    ///
    /// # Errors
    /// If Miniflare has ended.
    pub fn children(&self) -> Result<Vec<String>> {
        let pid = self.group.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        Ok(children.split_whitespace().map(str::to_owned).collect())
    }

    fn memory(&self, field: &str) -> Result<u64> {
        let mut sum = 0;
        for child in self.children()? {
            let status = fs::read_to_string(format!("/proc/{child}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
            sum += line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024;
        }
        if sum == 0 { Err("no workerd".into()) } else { Ok(sum) }
    }

    /// Fails if the Worker logged anything: at level `warn`, successful calls log nothing.
    pub fn is_quiet(&self) -> Result<()> {
        if fs::metadata(&self.log)?.len() == 0 { Ok(()) } else { Err(format!("unexpected output: {}", self.group.tail()).into()) }
    }
}
