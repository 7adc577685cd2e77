//! Where files are fetched from: the product, nginx with `proxy_cache` beside it at the edge, and the store itself.

use std::path::{Path, PathBuf};

use jettyspeed_devstack::Result;
use jettyspeed_devstack::child::Group;
use jettyspeed_devstack::state::write_private;
use serde_json::Value;

use super::fetch::output;
use crate::lab::Lab;
use crate::network::{STORE, edge_address};
use crate::upload::rows::random_file;

const NGINX_PORT: u16 = 8_080;
const STORE_PORT: u16 = 9_000;

/// A file that all of them have.
pub struct File {
    /// Bytes.
    pub size: u64,
    /// Its id at the product.
    pub id: String,
    /// Where the product has it.
    pub url: String,
    /// Its path at the store, `/bucket/key`.
    pub path: String,
}

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The product at the edge.
    Edge,
    /// nginx at the edge.
    Nginx,
    /// The store, over the direct way.
    Store,
}

impl Server {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Server::Edge => "edge",
            Server::Nginx => "nginx",
            Server::Store => "store",
        }
    }

    /// The URL of a file. nginx keeps one of another `fresh` by itself, the store has no cache.
    pub fn url(self, file: &File, fresh: u32) -> String {
        match self {
            Server::Edge => file.url.clone(),
            Server::Nginx => format!("http://{}:{NGINX_PORT}{}?fresh={fresh}", edge_address(0), file.path),
            Server::Store => format!("http://{STORE}:{STORE_PORT}{}", file.path),
        }
    }
}

/// Puts a file of random bytes into the product and, beside it, into the store.
pub async fn put(lab: &Lab, size: u64) -> Result<File> {
    let (name, bucket) = (format!("download-{size}.bin"), &lab.access.origin.bucket);
    let local = random_file(&lab.folder(), &name, size)?;
    let mut upload = lab.command("jetty");
    upload.args(["--json", "upload", "--no-verify"]).arg(&local);
    let uploaded = output(upload).await?;
    let id = id_of(&uploaded).ok_or_else(|| format!("jetty upload told no id: {uploaded}"))?;
    let path = format!("/{bucket}/{name}");
    let mut beside = lab.network.store.command("curl");
    beside.args(["--silent", "--show-error", "--fail", "--upload-file"]).arg(&local).arg(format!("http://{STORE}:{STORE_PORT}{path}"));
    output(beside).await?;
    std::fs::remove_file(local)?;
    let mut asked = lab.command("curl");
    asked.args(["--silent", "--show-error", "--fail", "--header"]).arg(format!("@{}", credentials(lab)?.display()));
    asked.arg(format!("{}/api/storage/download?assetId={id}", lab.access.url));
    let told: Value = serde_json::from_str(&output(asked).await?)?;
    let url = told["url"].as_str().ok_or_else(|| format!("no url: {told}"))?.to_owned();
    Ok(File { size, id, url, path })
}

/// The first `id` in what `jetty upload` tells.
fn id_of(told: &str) -> Option<String> {
    let value: Value = told.lines().rev().find_map(|line| serde_json::from_str(line).ok()).or_else(|| serde_json::from_str(told).ok())?;
    let asset = value.get("asset").unwrap_or(&value);
    asset["id"].as_str().or_else(|| asset["assetId"].as_str()).map(str::to_owned)
}

/// Header fields of the account, in a file: what stands on a command line is seen by everyone.
fn credentials(lab: &Lab) -> Result<PathBuf> {
    let account = &lab.access.account;
    header_file(lab, "account", &format!("X-API-Key: {}\nX-API-Secret: {}\n", account.api_key, account.api_secret))
}

fn header_file(lab: &Lab, name: &str, text: &str) -> Result<PathBuf> {
    let path = lab.folder().join(name);
    write_private(&path, text)?;
    Ok(path)
}

/// Empties the product's cache: its next answer is a miss.
pub async fn purge(lab: &Lab) -> Result<()> {
    let operator = header_file(lab, "operator", &format!("Authorization: Bearer {}\n", lab.access.admin_token))?;
    let mut command = lab.command("curl");
    command.args(["--silent", "--show-error", "--fail", "--request", "POST", "--header"]).arg(format!("@{}", operator.display()));
    command.arg(format!("{}/api/portal/namespaces/{}/purge", lab.access.url, lab.access.account.namespace));
    output(command).await.map(|_| ())
}

/// Starts nginx at the edge; None: it is not installed.
pub fn nginx(lab: &Lab) -> Result<Option<Group>> {
    let Some(program) = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists()) else {
        return Ok(None);
    };
    let folder = lab.folder().join("nginx");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("nginx.conf");
    std::fs::write(&path, configuration(&folder))?;
    let mut command = lab.network.edge.command(program);
    command.arg("-c").arg(&path).arg("-p").arg(&folder);
    Group::start("nginx", command, &folder.join("log")).map(Some)
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "user root;\ndaemon off;\nmaster_process off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ worker_connections 512; }}\n\
         http {{\n  access_log off;\n  proxy_cache_path {folder}/cache levels=1:2 keys_zone=content:10m max_size=4g;\n  client_body_temp_path {folder}/b;\n  \
         proxy_temp_path {folder}/p;\n  fastcgi_temp_path {folder}/f;\n  uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         upstream store {{ server {STORE}:{STORE_PORT}; keepalive 64; }}\n  server {{\n    listen {}:{NGINX_PORT};\n    location / {{\n      proxy_pass http://store;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_cache content;\n      proxy_cache_valid 200 1h;\n      proxy_cache_lock on;\n      \
         add_header X-Cache $upstream_cache_status;\n    }}\n  }}\n}}\n",
        edge_address(0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_found_in_one_line_or_many() {
        assert_eq!(id_of(r#"{"asset":{"id":"a"}}"#).as_deref(), Some("a"));
        assert_eq!(id_of("{\n \"id\": \"b\"\n}\n").as_deref(), Some("b"));
        assert_eq!(id_of("no JSON"), None);
    }

    #[test]
    fn each_server_has_its_own_url_and_only_nginx_a_fresh_one() {
        let file = File { size: 1, id: "i".into(), url: "http://10.77.1.1:8787/files/t/n".into(), path: "/lab/n".into() };
        assert_eq!(Server::Edge.url(&file, 1), Server::Edge.url(&file, 2));
        assert_eq!(Server::Nginx.url(&file, 2), "http://10.77.1.1:8080/lab/n?fresh=2");
        assert_eq!(Server::Store.url(&file, 2), "http://10.77.2.1:9000/lab/n");
    }
}
