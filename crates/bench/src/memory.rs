//! Resident memory of processes over a run, and whether it grows.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::report::median;
use jettyspeed_devstack::Result;

/// Time between two samples.
const EVERY: Duration = Duration::from_millis(250);

/// Samples the memory of some processes until it is ended.
pub struct Watch {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Trend>,
}

/// Samples in their order: seconds since the start, resident memory in MB.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trend(Vec<(f64, f64)>);

/// Resident memory of the processes, bytes; those that have ended count nothing.
fn resident(processes: &[String]) -> u64 {
    let of = |process: &String| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    processes.iter().filter_map(of).sum::<u64>() * 1024
}

impl Watch {
    /// Begins.
    pub fn begin(processes: Vec<String>) -> Watch {
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let (began, mut samples) = (Instant::now(), Vec::new());
            while !stop.load(Ordering::Relaxed) {
                samples.push((began.elapsed().as_secs_f64(), resident(&processes) as f64 / 1e6));
                std::thread::sleep(EVERY);
            }
            Trend(samples)
        });
        Watch { ended, thread }
    }

    /// Ends it.
    ///
    /// # Errors
    /// If the sampling failed.
    pub fn end(self) -> Result<Trend> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "sampling memory failed".into())
    }
}

impl Trend {
    /// The highest sample, MB.
    pub fn peak(&self) -> f64 {
        self.0.iter().map(|(_, memory)| *memory).fold(0.0, f64::max)
    }

    /// Median of the samples from `from` to `to` tenths of the run, MB.
    pub fn tenths(&self, from: usize, to: usize) -> f64 {
        let at = |tenth: usize| self.0.len() * tenth / 10;
        median(&self.0[at(from)..at(to)].iter().map(|(_, memory)| *memory).collect::<Vec<_>>())
    }

    /// How much the second half is above the quarter before it, MB: what a run fills first (caches, pools, the compiler's code) is there by then.
    pub fn growth(&self) -> f64 {
        self.tenths(7, 10) - self.tenths(3, 5)
    }

    /// Slope of the second half by least squares, MB a minute.
    pub fn slope(&self) -> f64 {
        let half = &self.0[self.0.len() / 2..];
        let count = half.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| half.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let spread: f64 = half.iter().map(|sample| (sample.0 - x).powi(2)).sum();
        let common: f64 = half.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
        if spread == 0.0 { 0.0 } else { common / spread * 60.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_filled_first_and_stays_does_not_grow() {
        let filled = Trend((0..100).map(|at| (f64::from(at), if at < 25 { f64::from(at) * 4.0 } else { 100.0 })).collect());
        assert_eq!((filled.growth(), filled.slope(), filled.peak()), (0.0, 0.0, 100.0));
    }

    #[test]
    fn memory_that_rises_by_a_megabyte_a_second_rises_by_sixty_a_minute() {
        let rising = Trend((0..100).map(|at| (f64::from(at), f64::from(at))).collect());
        assert!((rising.slope() - 60.0).abs() < 1e-9 && rising.growth() > 40.0, "{} {}", rising.slope(), rising.growth());
        assert_eq!((Trend::default().slope(), Trend::default().growth()), (0.0, 0.0));
    }

    #[test]
    fn own_process_has_memory() {
        let watch = Watch::begin(vec![std::process::id().to_string()]);
        std::thread::sleep(Duration::from_millis(20));
        assert!(watch.end().unwrap().peak() > 1.0);
    }
}
