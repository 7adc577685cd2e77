//! `script/bench hostile`: the worst input that is accepted, through every parser natively and through every kind of handler in workerd. What a tenant can send
//! must not cost the others: at most 50 ms of CPU time and 16 MB of memory each.

mod meter;
mod parsers;
mod reads;
mod requests;

use std::path::Path;

use super::api::Outcome;
use super::report::Figure;
use jettyspeed_devstack::Result;

/// Most CPU time of one input, ms.
pub const MOST_MS: f64 = 50.0;

/// Most memory of one input beside the input itself, MB.
pub const MOST_MB: f64 = 16.0;

/// Measures everything, or only `parsers`, `requests` or `reads`.
pub async fn run(folder: &Path, repeats: u32, only: Option<&str>) -> Result<Outcome> {
    let selected = |part: &str| only.is_none_or(|only| only == part);
    let mut figures = Vec::new();
    if selected("parsers") {
        for case in parsers::cases() {
            let usage: Vec<_> = (0..repeats).map(|_| meter::usage_of(&case)).collect();
            let figure = |unit, values: Vec<f64>, most| Figure::at_most(&format!("parser: {}", case.name), unit, &values, most);
            figures.push(figure("ms CPU", usage.iter().map(|usage| usage.cpu_ms).collect(), MOST_MS));
            figures.push(figure("MB", usage.iter().map(|usage| usage.peak_mb).collect(), MOST_MB));
        }
    }
    let mut versions = String::new();
    if selected("requests") {
        versions = requests::figures(&folder.join("requests"), repeats, &mut figures).await?;
    }
    if selected("reads") {
        versions = reads::figures(&folder.join("reads"), repeats, &mut figures).await?;
    }
    Ok(Outcome { versions, figures })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build without optimisation is slower by an order of magnitude, and the machine may be busy; memory is the same everywhere.
    const SLOWER: f64 = 60.0;

    #[test]
    fn worst_input_of_every_parser_takes_at_most_16_mb_and_no_time_that_grows_with_its_square() {
        let mut complaints = Vec::new();
        for case in parsers::cases() {
            let usage = meter::usage_of(&case);
            if usage.peak_mb > MOST_MB || usage.cpu_ms > MOST_MS * SLOWER {
                complaints.push(format!("{}: {:.1} MB, {:.0} ms", case.name, usage.peak_mb, usage.cpu_ms));
            }
        }
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    #[test]
    fn meter_sees_what_is_allocated_and_how_long_it_takes() {
        let case = parsers::Case::new("ten megabytes", || {
            let bytes = std::hint::black_box(vec![1u8; 10_000_000]);
            assert!(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>() == 10_000_000);
        });
        let usage = meter::usage_of(&case);
        assert!((10.0..10.1).contains(&usage.peak_mb) && usage.cpu_ms > 0.0, "{usage:?}");
    }
}
