//! A tus server where the store is, for tus-js-client: npm's `@tus/server`, whose files are on disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jettyspeed_devstack::child::Group;
use jettyspeed_devstack::{Result, root};

use crate::lab::Lab;
use crate::network::STORE;

const PORT: u16 = 1_080;
const START_LIMIT: Duration = Duration::from_secs(30);

/// A script of this folder.
pub fn script(name: &str) -> PathBuf {
    root().join("crates/lab/src/upload/tus").join(name)
}

/// Whether the packages are there.
pub fn is_installed() -> bool {
    ["tus-js-client", "@tus/server", "@tus/file-store"].iter().all(|package| root().join("node_modules").join(package).is_dir())
}

/// Where uploads are created.
pub fn url() -> String {
    format!("http://{STORE}:{PORT}/files")
}

/// Starts the server; dropping it ends it.
pub async fn serve(lab: &Lab) -> Result<Group> {
    let files = lab.folder().join("tus");
    std::fs::create_dir_all(&files)?;
    let log = lab.folder().join("tus.log");
    let mut command = lab.network.store.command("node");
    command.arg(script("server.mjs")).args([STORE.to_string(), PORT.to_string()]).arg(&files).current_dir(root());
    let mut group = Group::start("the tus server", command, &log)?;
    let began = Instant::now();
    while !std::fs::read_to_string(&log).unwrap_or_default().contains("listening") {
        if !group.is_alive() || began.elapsed() > START_LIMIT {
            return Err(group.tail().into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(group)
}
