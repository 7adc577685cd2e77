//! CPU time and memory of a process group (Linux, proc(5)): for tests whose bounds must not depend on what else the machine does.

use std::fs;

/// What the processes of a group take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time so far of the processes that are alive, ms.
    pub cpu_ms: u64,
    /// Resident memory, bytes.
    pub resident: u64,
}

/// Clock ticks per second in /proc: 100 on Linux.
const TICKS: u64 = 100;

impl Usage {
    /// The sum over the processes of the group that are named `command`; of all if it is empty.
    pub fn of_group(group: u32, command: &str) -> Usage {
        let mut sum = Usage::default();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            // A process may end meanwhile.
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let Some((name, fields)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { continue };
            // Fields 3 (state), 5 (process group), 14 and 15 (user and system time), 24 (resident pages).
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
            if number(5) == u64::from(group) && (command.is_empty() || name == command) {
                sum.cpu_ms += (number(14) + number(15)) * 1_000 / TICKS;
                sum.resident += number(24) * 4_096;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_group_has_memory() {
        // SAFETY: a plain system call.
        let group = u32::try_from(unsafe { libc::getpgrp() }).unwrap();
        assert!(Usage::of_group(group, "").resident > 1_000_000);
        assert_eq!(Usage::of_group(group, "no such command"), Usage::default());
    }
}
