//! The whole lab: the network, a store, and the product.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use jettyspeed_devstack::child::Group;
use jettyspeed_devstack::state::{Dev, OriginAccess, write_private};
use jettyspeed_devstack::usage::Usage;
use jettyspeed_devstack::{Result, root};
use tempfile::TempDir;

use crate::edge::{self, Plan, Told, access_path, told_path};
use crate::gateway;
use crate::network::{Congestion, Network, STORE, edge_address};
use crate::profile::Profile;

const STORE_PORT: u16 = 9_000;
const EDGE_PORT: u16 = 8_787;
const BUCKET: &str = "lab";
const START_LIMIT: Duration = Duration::from_secs(300);

/// A running lab. Dropping it ends its processes, then the links and namespaces.
pub struct Lab {
    edge: Group,
    store: Group,
    _gateway: Option<Group>,
    /// Namespaces and links.
    pub network: Network,
    /// How to reach product and store.
    pub access: Dev,
    folder: TempDir,
}

impl Lab {
    /// Starts it with the first `edges` edges of the profile. `program` is `jettyspeed-lab`, whose subcommands run in the namespaces.
    pub async fn start(program: &std::path::Path, profile: &Profile, edges: usize, congestion: &Congestion) -> Result<Lab> {
        Lab::start_with(program, profile, edges, congestion, false).await
    }

    /// The same, with a gateway beside the store if `gateway`.
    pub async fn start_with(program: &std::path::Path, profile: &Profile, edges: usize, congestion: &Congestion, gateway: bool) -> Result<Lab> {
        let folder = tempfile::Builder::new().prefix("jettyspeed-lab-").tempdir()?;
        let endpoint = format!("http://{STORE}:{STORE_PORT}");
        let origin = OriginAccess {
            endpoint,
            region: "us-east-1".into(),
            bucket: BUCKET.into(),
            access_key_id: "lab".into(),
            secret_access_key: "lab-secret".into(),
        };
        let plan = Plan {
            state: folder.path().join("edge"),
            port: EDGE_PORT,
            origin,
            urls: (0..edges).map(|index| format!("http://{}:{EDGE_PORT}", edge_address(index))).collect(),
        };
        let template = root().join("target/lab");
        edge::prepare(&template, &plan).await?;
        if gateway {
            gateway::bind(&template, &plan)?;
        }
        let network = Network::start(profile, edges, congestion)?;
        let mut command = network.store.command(program);
        command.arg("store").arg(format!("{STORE}:{STORE_PORT}"));
        let store = Group::start("the store", command, &folder.path().join("store.log"))?;
        let plan_path = folder.path().join("plan.json");
        write_private(&plan_path, &serde_json::to_string(&plan)?)?;
        let beside = if gateway { Some(start_gateway(program, &network, &plan, &plan_path, folder.path()).await?) } else { None };
        let mut command = network.edge.command(program);
        // Miniflare listens on the addresses of all edges.
        command.arg("edge").arg(&plan_path).env("LISTEN_HOST", "0.0.0.0").current_dir(root());
        let mut edge = Group::start("the edge", command, &folder.path().join("edge.log"))?;
        let path = access_path(&plan.state);
        appears(&path, &mut edge).await?;
        let access = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        Ok(Lab { edge, store, _gateway: beside, network, access, folder })
    }

    /// A command in the client's namespace that knows how to reach product and store.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let Dev { url, origin, account, .. } = &self.access;
        let mut command = self.network.client.command(program);
        command
            .env("JETTY_URL", url)
            .env("JETTY_API_KEY", &account.api_key)
            .env("JETTY_API_SECRET", &account.api_secret)
            .env("JETTY_CONFIG", self.folder.path().join("no-config"))
            .env("LAB_STORE_URL", &origin.endpoint)
            .env("LAB_BUCKET", &origin.bucket)
            .env("AWS_ENDPOINT_URL", &origin.endpoint)
            .env("AWS_REGION", &origin.region)
            .env("AWS_DEFAULT_REGION", &origin.region)
            .env("AWS_ACCESS_KEY_ID", &origin.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &origin.secret_access_key)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env_remove(proxy);
        }
        command
    }

    /// A folder for files of this run.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// What the edge tells of workerd.
    pub fn edge_told(&self) -> Told {
        let text = std::fs::read_to_string(told_path(&self.folder.path().join("edge"))).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// CPU time of the store, ms.
    pub fn store_cpu_ms(&self) -> u64 {
        Usage::of_group(self.store.pid(), "").cpu_ms
    }

    /// Ends workerd and starts it anew with its state: nothing is warm then.
    pub async fn restart_edge(&self) -> Result<()> {
        let before = self.edge_told().starts;
        let pid = i32::try_from(self.edge.pid()).ok().and_then(rustix::process::Pid::from_raw).ok_or("no edge")?;
        rustix::process::kill_process(pid, rustix::process::Signal::HUP)?;
        let began = Instant::now();
        while self.edge_told().starts == before {
            if began.elapsed() > START_LIMIT {
                return Err(self.edge.tail().into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Starts the gateway in the store's namespace, and waits for it.
async fn start_gateway(
    program: &std::path::Path,
    network: &Network,
    plan: &Plan,
    plan_path: &std::path::Path,
    folder: &std::path::Path,
) -> Result<Group> {
    let mut command = network.store.command(program);
    command.arg("gateway").arg(plan_path).env("LISTEN_HOST", "0.0.0.0").current_dir(root());
    let mut group = Group::start("the gateway", command, &folder.join("gateway.log"))?;
    appears(&gateway::ready_path(plan), &mut group).await?;
    Ok(group)
}

/// Waits for a file that `group` writes when it is ready.
async fn appears(path: &std::path::Path, group: &mut Group) -> Result<()> {
    let began = Instant::now();
    while !path.exists() {
        if !group.is_alive() || began.elapsed() > START_LIMIT {
            return Err(group.tail().into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
