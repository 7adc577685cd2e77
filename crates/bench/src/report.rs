//! Figures: medians, a table for readers, JSON for programs.

use serde::Serialize;

/// One figure and its target.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// `>= 0.95`, `<= 1.5`; empty for figures without a target.
    pub target: String,
    /// Whether the target is met; None without a target.
    pub met: Option<bool>,
    /// The individual measurements.
    pub samples: Vec<f64>,
}

impl Figure {
    /// A figure without a target.
    pub fn without_target(name: &str, unit: &'static str, samples: &[f64]) -> Figure {
        Figure { name: name.into(), value: median(samples), unit, target: String::new(), met: None, samples: samples.to_vec() }
    }

    /// A figure that must be at least `least`.
    pub fn at_least(name: &str, unit: &'static str, samples: &[f64], least: f64) -> Figure {
        let figure = Figure::without_target(name, unit, samples);
        Figure { target: format!(">= {least}"), met: Some(figure.value >= least), ..figure }
    }

    /// A figure that must be at most `most`.
    pub fn at_most(name: &str, unit: &'static str, samples: &[f64], most: f64) -> Figure {
        let figure = Figure::without_target(name, unit, samples);
        Figure { target: format!("<= {most}"), met: Some(figure.value <= most), ..figure }
    }
}

/// The median of one kind of call, without a target, and its p99, which must be at most `most`.
pub fn spread(name: &str, samples: &[f64], most: f64) -> [Figure; 2] {
    let of = |what: &str| format!("{name}: {what}");
    [Figure::without_target(&of("median"), "ms", &[median(samples)]), Figure::at_most(&of("p99"), "ms", &[percentile(samples, 99)], most)]
}

/// The median; 0 without samples.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The sample that `percent` % of all do not exceed (nearest rank); 0 without samples.
pub fn percentile(samples: &[f64], percent: u32) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent as usize).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// What missed its target, a line each; empty if nothing did.
pub fn missed(figures: &[Figure]) -> String {
    let missed: Vec<_> = figures.iter().filter(|figure| figure.met == Some(false)).collect();
    let line = |figure: &&Figure| format!("\n  {}: {:.3} {} ({})", figure.name, figure.value, figure.unit, figure.target);
    if missed.is_empty() { String::new() } else { format!("missed:{}", missed.iter().map(line).collect::<String>()) }
}

/// Prints the table.
pub fn print(title: &str, harness: &str, figures: &[Figure]) {
    println!("\n{title}\n{harness}\n");
    println!("{:<64} {:>10} {:<6} {:<10} ", "figure (median)", "value", "unit", "target");
    for Figure { name, value, unit, target, met, .. } in figures {
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        println!("{name:<64} {value:>10.3} {unit:<6} {target:<10} {verdict}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missed_targets_are_told() {
        let figures = [Figure::at_most("fine", "ms", &[1.0], 1.5), Figure::without_target("told", "ms", &[9.0])];
        assert_eq!(missed(&figures), "");
        let figures = [figures[0].clone(), Figure::at_least("slow", "x", &[0.5], 0.9)];
        assert_eq!(missed(&figures), "missed:\n  slow: 0.500 x (>= 0.9)");
    }

    #[test]
    fn medians_and_percentiles() {
        assert_eq!((median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (0.0, 2.0, 2.5));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&hundred, 95), percentile(&hundred, 99), percentile(&[7.0, 3.0], 99), percentile(&[], 99)), (95.0, 99.0, 7.0, 0.0));
        assert_eq!(Figure::at_most("x", "ms", &[2.0], 1.5).met, Some(false));
    }
}
