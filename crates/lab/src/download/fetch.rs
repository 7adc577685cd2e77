//! One download by a tool in the client's namespace, and what it took.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jettyspeed_devstack::Result;

use crate::lab::Lab;

/// A download may take so long.
const LIMIT: Duration = Duration::from_secs(600);
/// What curl tells at the end: seconds to the first byte of the answer and to the last, bytes, whether a cache had it.
const TOLD: &str = "%{time_starttransfer} %{time_total} %{size_download} %header{cache-status}%header{x-cache}";

/// A tool that fetches a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// One connection.
    Curl,
    /// Sixteen connections, a range each.
    Aria2c,
    /// The product's own command.
    Jetty,
}

/// A download.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// From the connection's start to the first byte of the answer, s; None where the tool does not tell.
    pub first_byte: Option<f64>,
    /// To the last byte, s: by curl itself, of the others with the start of their process.
    pub seconds: f64,
    /// Whether the answer came from the edge's cache, if it says.
    pub is_hit: Option<bool>,
}

impl Tool {
    /// Its name in the table, and of its program.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Curl => "curl",
            Tool::Aria2c => "aria2c",
            Tool::Jetty => "jetty",
        }
    }

    fn command(self, lab: &Lab, source: &str) -> Command {
        let mut command = lab.command(self.name());
        match self {
            Tool::Curl => {
                command.args(["--silent", "--show-error", "--fail", "--output", "/dev/null", "--write-out", TOLD, source]);
            }
            Tool::Aria2c => {
                command.args(["--max-connection-per-server=16", "--split=16", "--min-split-size=1M", "--file-allocation=none"]);
                command.args(["--allow-overwrite=true", "--console-log-level=error", "--summary-interval=0", "--no-conf=true"]);
                command.arg("--dir").arg(lab.folder()).args(["--out", "downloaded", source]);
            }
            Tool::Jetty => {
                command.args(["download", source, "--force", "-o"]).arg(lab.folder().join("downloaded"));
            }
        }
        command
    }

    /// Fetches `source`, a URL or the id of a file, which has `size` bytes.
    pub async fn fetch(self, lab: &Lab, source: &str, size: u64) -> Result<Sample> {
        let began = Instant::now();
        let output = output(self.command(lab, source)).await?;
        let seconds = began.elapsed().as_secs_f64();
        if self == Tool::Curl {
            return read(&output, size).ok_or_else(|| format!("curl tells: {output}").into());
        }
        let path = lab.folder().join("downloaded");
        let bytes = std::fs::metadata(&path)?.len();
        std::fs::remove_file(&path)?;
        if bytes != size {
            return Err(format!("{} wrote {bytes} bytes of {size}", self.name()).into());
        }
        Ok(Sample { first_byte: None, seconds, is_hit: None })
    }
}

/// Runs a command to its end and returns what it writes.
pub async fn output(mut command: Command) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await.map_err(|_| "it took too long")??;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Err(format!("{}: {}", output.status, text.lines().last().unwrap_or_default()).into())
}

/// What curl told of a body of `size` bytes; None if it was another one.
fn read(told: &str, size: u64) -> Option<Sample> {
    let mut fields = told.splitn(4, ' ');
    let mut number = || fields.next()?.parse::<f64>().ok();
    let (first_byte, seconds, bytes) = (number()?, number()?, number()?);
    let cache = fields.next().unwrap_or_default();
    let is_hit = match cache {
        "" => None,
        "HIT" => Some(true),
        status => Some(status.contains("; hit")),
    };
    (bytes == size as f64).then_some(Sample { first_byte: Some(first_byte), seconds, is_hit })
}

/// Whether a program is there.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_tells_times_bytes_and_cache() {
        let hit = read("0.081234 0.090000 1000 JettySpeed; hit; ttl=60", 1_000).unwrap();
        assert_eq!(hit, Sample { first_byte: Some(0.081_234), seconds: 0.09, is_hit: Some(true) });
        assert_eq!(read("0.1 0.2 10 JettySpeed; fwd=miss", 10).unwrap().is_hit, Some(false));
        assert_eq!([read("0.1 0.2 10 HIT", 10).unwrap().is_hit, read("0.1 0.2 10 MISS", 10).unwrap().is_hit], [Some(true), Some(false)]);
        assert_eq!(read("0.1 0.2 10 ", 10).unwrap().is_hit, None);
        assert_eq!((read("0.1 0.2 9 ", 10), read("", 10)), (None, None));
    }
}
