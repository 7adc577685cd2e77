//! The embedded S3 store: OpenStack Swift with s3api. It refuses what AWS refuses: wrong signatures, payload hashes and ETags, skewed clocks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::Group;
use crate::state::OriginAccess;
use crate::{Result, bucket, net};

/// The servers behind Swift's proxy, each with a ring of one device.
const BACKENDS: [&str; 3] = ["account", "container", "object"];

/// A running Swift.
pub struct Swift {
    groups: Vec<Group>,
}

impl Swift {
    /// Starts Swift on `port` with data and configuration under `folder`, and one user with the access key and secret of `access`.
    pub async fn start(folder: &Path, port: u16, access: &OriginAccess) -> Result<Swift> {
        let venv = PathBuf::from(std::env::var("SWIFT_VENV").map_err(|_| "SWIFT_VENV is not set: run this through script/")?);
        if !venv.join("bin/swift-proxy-server").exists() {
            return Err("OpenStack Swift is not installed: run script/bootstrap (Linux only), or set LYVE_ENDPOINT to an S3 store of yours".into());
        }
        if !net::port_is_free(port) {
            return Err(format!("port {port} is taken: set ORIGIN_PORT to another one").into());
        }
        fs::create_dir_all(folder.join("data/d1"))?;
        let mut ports = Vec::new();
        for _ in BACKENDS {
            let free = net::free_port()?;
            ports.push(if ports.contains(&free) { free + 1 } else { free });
        }
        write_configuration(folder, &venv, port, &ports, access)?;
        let mut groups = Vec::new();
        for name in ["account", "container", "object", "proxy"] {
            let mut command = Command::new(venv.join(format!("bin/swift-{name}-server")));
            command.arg(folder.join(format!("{name}.conf"))).current_dir(folder);
            groups.push(Group::start(&format!("swift-{name}"), command, &folder.join(format!("{name}.log")))?);
        }
        let mut swift = Swift { groups };
        let health = format!("http://127.0.0.1:{port}/healthcheck");
        let ready = net::wait_ready("Swift", &health, Duration::from_secs(20), || swift.is_alive()).await;
        ready.map_err(|error| format!("{error}\n{}", swift.tails()))?;
        bucket::create(access).await?;
        Ok(swift)
    }

    /// Whether all its servers run.
    pub fn is_alive(&mut self) -> bool {
        self.groups.iter_mut().all(Group::is_alive)
    }

    /// The last lines of its servers' output.
    pub fn tails(&self) -> String {
        self.groups.iter().map(Group::tail).collect::<Vec<_>>().join("\n")
    }
}

fn write_configuration(folder: &Path, venv: &Path, port: u16, ports: &[u16], access: &OriginAccess) -> Result<()> {
    let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?;
    let common = |port: u16| {
        format!(
            "[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = {}\nswift_dir = {dir}\ndevices = {dir}/data\nmount_check = false\nlog_level = WARNING\n",
            user.trim(),
            dir = folder.display()
        )
    };
    fs::write(
        folder.join("swift.conf"),
        "[swift-hash]\nswift_hash_path_prefix = jetty\nswift_hash_path_suffix = speed\n[storage-policy:0]\nname = gold\ndefault = yes\n",
    )?;
    let (account, user) = access.access_key_id.split_once(':').ok_or("Swift's access keys have the form account:user")?;
    let pipeline =
        "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-logging";
    let mut proxy = common(port);
    proxy.push_str(&format!("[pipeline:main]\npipeline = {pipeline} proxy-server\n"));
    // The default timeouts (10 s, and 1 s below) suit a data centre; on a busy laptop they cancel work that would succeed.
    proxy.push_str("[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\nnode_timeout = 60\nconn_timeout = 10\n");
    for filter in pipeline.split(' ') {
        let egg = match filter {
            "cache" => "memcache",
            "proxy-logging" => "proxy_logging",
            other => other,
        };
        proxy.push_str(&format!("[filter:{filter}]\nuse = egg:swift#{egg}\n"));
        match filter {
            "s3api" => proxy.push_str(&format!("location = {}\nallow_multipart_uploads = true\nmax_upload_part_num = 10000\n", access.region)),
            "tempauth" => proxy.push_str(&format!("user_{account}_{user} = {} .admin\n", access.secret_access_key)),
            "proxy-logging" => proxy.push_str("access_log_level = DEBUG\n"),
            _ => {}
        }
    }
    fs::write(folder.join("proxy.conf"), proxy)?;
    for (name, backend_port) in BACKENDS.iter().zip(ports) {
        let mut text = format!("{}[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n", common(*backend_port));
        if *name == "object" {
            // No updater runs that would repeat a listing update after a timeout.
            text = text.replace("[DEFAULT]\n", "[DEFAULT]\ncontainer_update_timeout = 60\nnode_timeout = 60\n");
        }
        fs::write(folder.join(format!("{name}.conf")), text)?;
    }
    // A ring maps a server type to a port; the ports change with every start, the data folder stays.
    let rings = BACKENDS.iter().zip(ports).map(|(name, port)| {
        let builder = folder.join(format!("{name}.builder"));
        let _ = fs::remove_file(&builder);
        let script = format!(
            "import sys; from swift.common.ring import RingBuilder; b = RingBuilder(6, 1, 0); \
             b.add_dev(dict(id=0, region=1, zone=1, ip='127.0.0.1', port={port}, replication_ip='127.0.0.1', replication_port={port}, device='d1', weight=1.0, meta='')); \
             b.rebalance(); b.get_ring().save(sys.argv[1])"
        );
        Command::new(venv.join("bin/python")).arg("-c").arg(script).arg(folder.join(format!("{name}.ring.gz"))).spawn()
    });
    for ring in rings.collect::<Vec<_>>() {
        if !ring?.wait()?.success() {
            return Err("building Swift's rings failed".into());
        }
    }
    Ok(())
}
