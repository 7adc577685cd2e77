//! Child processes that never outlive their parent: each leads a process group, and the kernel ends it if the parent dies without cleaning up.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::Result;

type Job = (Command, Sender<std::io::Result<Child>>);

/// The parent-death signal is bound to the *thread* that forks (PR_SET_PDEATHSIG(2const)), and test threads end early:
/// one thread that lives as long as the process forks all.
fn spawner() -> &'static Sender<Job> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    })
}

/// A running process group.
pub struct Group {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Group {
    /// Starts `command` as the leader of its own group, its output in `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Group> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let out = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        #[cfg(target_os = "linux")]
        // SAFETY: prctl is async-signal-safe and touches no memory of this process.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let (sender, answer) = channel();
        spawner().send((command, sender)).map_err(|_| "the spawner is gone")?;
        let child = answer.recv()?.map_err(|error| format!("{name}: cannot start {program}: {error}"))?;
        Ok(Group { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Process id of the leader, which is also the group's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the leader runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of its output, for an error message.
    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(15).collect();
        let tail: Vec<_> = lines.into_iter().rev().collect();
        format!("--- last lines of {} ({}):\n{}", self.name, self.log.display(), tail.join("\n"))
    }

    /// Kills the whole group at once (SIGKILL).
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        let _ = self.child.wait();
    }

    /// Asks the group to end (SIGTERM) and makes sure that it does.
    pub fn stop(&mut self) {
        self.signal(libc::SIGTERM);
        let terminated_at = Instant::now();
        while self.is_alive() && terminated_at.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // Kills what is left of the group after its leader has ended.
        self.kill();
    }

    fn signal(&self, signal: i32) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // SAFETY: a plain system call; the error for a group that no longer exists is ignored.
            unsafe {
                libc::killpg(pid, signal);
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}
