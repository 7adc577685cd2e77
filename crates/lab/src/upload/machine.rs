//! What the machine does meanwhile: on two cores, it may be the limit.

use std::fs;

/// Fields of /proc/self/stat after the name, from field 3 on; 100 ticks are a second.
fn own(field: usize) -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    rest.split_whitespace().nth(field - 3).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// CPU time of this process, ms: nearly all of it is the links'.
pub fn link_cpu_ms() -> u64 {
    (own(14) + own(15)) * 10
}

/// CPU time of children that have ended and were waited for, ms.
pub fn children_cpu_ms() -> u64 {
    (own(16) + own(17)) * 10
}

/// Load of the last minute, and share of all cores' time that was not idle since `before`.
pub fn busy(before: (u64, u64)) -> f64 {
    let (all, idle) = times();
    let all = all.saturating_sub(before.0).max(1);
    1.0 - idle.saturating_sub(before.1) as f64 / all as f64
}

/// All and idle ticks of all cores since the start (first line of /proc/stat).
pub fn times() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> = text.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
    (ticks.iter().take(8).sum(), ticks.iter().skip(3).take(2).sum())
}

/// The load average of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}
