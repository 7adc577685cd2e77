//! Network namespaces by `ip netns`, named after the process that made them, and removed with all processes in them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jettyspeed_devstack::Result;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Names are `jettylab-PID-ROLE`.
const PREFIX: &str = "jettylab-";
/// Where iproute2 keeps them.
const FOLDER: &str = "/var/run/netns";

/// Exit code of who is not root, as test drivers understand it: skipped.
pub const NOT_ROOT: u8 = 77;

/// Whether this process may make namespaces and devices.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A network namespace; dropping it ends its processes and removes it.
pub struct Namespace {
    name: String,
}

/// Runs `ip` with these arguments.
pub fn ip(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output().map_err(|error| format!("ip (iproute2): {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}

impl Namespace {
    /// A fresh one with its loopback up.
    pub fn create(role: &str) -> Result<Namespace> {
        let name = format!("{PREFIX}{}-{role}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Namespace { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs `program` in it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// The answer of `work`, which runs on a thread inside: the sockets that it opens stay there.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        self.spawn(work)?.join().map_err(|_| "a thread in a namespace panicked")?
    }

    /// The same without waiting for it.
    pub fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<std::thread::JoinHandle<Result<T>>> {
        let file = File::open(Path::new(FOLDER).join(&self.name))?;
        Ok(std::thread::spawn(move || {
            use std::os::fd::AsFd;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| format!("setns: {error}"))?;
            work()
        }))
    }

    /// Sets kernel parameters of it, `net.ipv4.tcp_rmem` and the like.
    pub fn set(&self, parameters: &[(&str, &str)]) -> Result<()> {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (format!("/proc/sys/{}", name.replace('.', "/")), (*value).to_owned())).collect();
        // /proc/sys/net shows the namespace of the thread that opens it.
        self.run(move || {
            parameters.iter().try_for_each(|(path, value)| std::fs::write(path, value).map_err(|error| format!("{path}: {error}").into()))
        })
    }

    /// The counter `name` of `group` in /proc/net/snmp or /proc/net/netstat, such as `Tcp` `RetransSegs`.
    pub fn counter(&self, group: &'static str, name: &'static str) -> Result<u64> {
        self.run(move || {
            let text = std::fs::read_to_string("/proc/thread-self/net/snmp")? + &std::fs::read_to_string("/proc/thread-self/net/netstat")?;
            counter_of(&text, group, name).ok_or_else(|| format!("no counter {group} {name}").into())
        })
    }
}

/// Two lines for each group: names, then values.
fn counter_of(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|one| one == name)?;
    values.split_whitespace().nth(at)?.parse().ok()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn pids(name: &str) -> Vec<Pid> {
    let listed = ip(&["netns", "pids", name]).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

fn remove(name: &str) {
    for signal in [Signal::TERM, Signal::KILL] {
        for pid in pids(name) {
            let _ = kill_process(pid, signal);
        }
        for _ in 0..20 {
            if pids(name).is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let _ = ip(&["netns", "del", name]);
}

/// Removes the namespaces of processes that were killed before they could.
pub fn remove_abandoned() {
    for entry in std::fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse().ok()).and_then(Pid::from_raw) else { continue };
        if test_kill_process(pid).is_err() {
            remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_is_found_by_group_and_name() {
        let text = "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: ActiveOpens RetransSegs\nTcp: 5 17\nTcpExt: RetransSegs\nTcpExt: 3\n";
        assert_eq!((counter_of(text, "Tcp", "RetransSegs"), counter_of(text, "TcpExt", "RetransSegs")), (Some(17), Some(3)));
        assert_eq!(counter_of(text, "Tcp", "None"), None);
    }
}
