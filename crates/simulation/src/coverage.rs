//! Figures: how often each service made each call, and what went wrong there.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::fault::{Fault, Port};

/// The figures of some histories.
#[derive(Debug, Default, Clone)]
pub struct Coverage {
    /// By service, call and fault.
    calls: BTreeMap<(&'static str, Port, &'static str), u64>,
    /// Outcomes, by operation.
    outcomes: BTreeMap<(&'static str, String), u64>,
}

impl Coverage {
    /// Counts a call.
    pub fn call(&mut self, service: &'static str, port: Port, fault: Fault) {
        *self.calls.entry((service, port, fault.name())).or_default() += 1;
    }

    /// Counts an outcome.
    pub fn outcome(&mut self, operation: &'static str, outcome: String) {
        *self.outcomes.entry((operation, outcome)).or_default() += 1;
    }

    /// Adds the figures of other histories.
    pub fn add(&mut self, other: &Coverage) {
        for (key, count) in &other.calls {
            *self.calls.entry(*key).or_default() += count;
        }
        for ((operation, outcome), count) in &other.outcomes {
            *self.outcomes.entry((operation, outcome.clone())).or_default() += count;
        }
    }

    /// Calls in all.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// As text.
    pub fn report(&self) -> String {
        let mut text = String::new();
        let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
        let mut services: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
        for ((service, _, fault), count) in &self.calls {
            *faults.entry(fault).or_default() += count;
            let entry = services.entry(service).or_default();
            entry.0 += count;
            entry.1 += 1;
        }
        let _ = writeln!(text, "calls by service (and how many of its pairs of call and fault were seen):");
        services.iter().for_each(|(service, (count, pairs))| text.push_str(&format!("  {count:>12} {pairs:>5} {service}\n")));
        let _ = writeln!(text, "calls by fault:");
        faults.iter().for_each(|(fault, count)| text.push_str(&format!("  {count:>12} {fault}\n")));
        let _ = writeln!(text, "outcomes:");
        self.outcomes.iter().for_each(|((operation, outcome), count)| text.push_str(&format!("  {count:>12} {operation}: {outcome}\n")));
        text
    }

    /// Every triple of service, call and fault, as text.
    pub fn details(&self) -> String {
        let mut text = String::new();
        for ((service, port, fault), count) in &self.calls {
            let _ = writeln!(text, "{count:>12} {service} | {} | {fault}", port.name());
        }
        text
    }
}
