//! What an upload over an edge is to expect: what was measured there, aged towards what is true of edges in general.
//!
//! Logarithms and exponentials are libm's and not std's, whose results differ by platform (std::f64, "Unspecified precision"): a ranking is the same in the
//! Worker and in native tests.

use crate::base::time::EpochMs;
use crate::edges::metrics::reading::Reading;

/// Round trip that distance does not explain, ms: last miles, queues, handshakes of networks.
const BASE_MS: f64 = 10.0;

/// Round trip per kilometre over the ground, ms: 200 km/ms in fibre, there and back, over ways half as long again.
const MS_PER_KM: f64 = 0.015;

/// Round trip without any idea of where the client is, ms.
const DEFAULT_RTT_MS: f64 = 100.0;

/// What one connection carries where nobody has measured anything, Mbit/s.
const PRIOR_MBPS: f64 = 40.0;

/// An edge of which nobody knows is taken for so much of what the others carry.
const UNMEASURED_DISCOUNT: f64 = 0.8;

/// The same of failures, before an edge is left out for them: a single one is no reason.
const ERRORS_PRIOR_WEIGHT: f64 = 1.0;

/// Half of what was measured is forgotten in this time, ms.
pub const HALF_LIFE_MS: f64 = 150_000.0;

/// How much measuring is worth as much as not knowing.
pub const PRIOR_WEIGHT: f64 = 0.07;

/// Time constant of the load, ms.
pub const LOAD_MS: f64 = 30_000.0;

/// Round trip that a distance lets expect, ms.
pub fn prior_ms(km: Option<f64>) -> f64 {
    km.map_or(DEFAULT_RTT_MS, |km| BASE_MS + km * MS_PER_KM)
}

/// The shortest round trip over a distance, ms: light in fibre as the crow flies. No honest sample is below.
pub fn least_ms(km: Option<f64>) -> f64 {
    km.map_or(0.0, |km| km / 100.0)
}

/// What an edge is taken for of which nobody knows, Mbit/s: nearly as much as is known of the others (geometric mean).
pub fn typical_mbps<'a>(readings: impl Iterator<Item = &'a Reading>, now: EpochMs) -> f64 {
    let (mut logs, mut weights) = (libm::log(PRIOR_MBPS) * PRIOR_WEIGHT, PRIOR_WEIGHT);
    for reading in readings {
        if let Some((mbps, weight)) = reading.mbps {
            let weight = aged(weight, now.since(reading.at)).min(1.0);
            logs += libm::log(mbps.max(0.01)) * weight;
            weights += weight;
        }
    }
    libm::exp(logs / weights) * UNMEASURED_DISCOUNT
}

/// What is left of a weight after so many ms.
pub fn aged(weight: f64, ms: u64) -> f64 {
    aged_by(HALF_LIFE_MS, weight, ms)
}

/// The same with another half-life, ms.
pub fn aged_by(half_life_ms: f64, weight: f64, ms: u64) -> f64 {
    // Ages are far below 2^53 ms.
    weight * libm::exp2(-(ms as f64) / half_life_ms)
}

impl Reading {
    /// Share of failures as it was measured, towards none by how little that was. It does not fade: whether an edge works again is found out, not forgotten.
    pub fn error_rate(&self) -> f64 {
        self.errors.map_or(0.0, |(rate, weight)| rate * weight / (weight + ERRORS_PRIOR_WEIGHT))
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Round trip, ms; None if neither the distance nor a measurement says anything.
    pub latency_ms: Option<f64>,
    /// Mbit/s of one connection; None if nobody has measured.
    pub bandwidth_mbps: Option<f64>,
    /// 0..=1 of the capacity.
    pub load: f64,
    /// 0..=1; None if nobody has measured.
    pub error_rate: Option<f64>,
    /// 0..=1: how much of this was measured.
    pub confidence: f64,
    /// Mbit/s that an edge is taken for of which nobody knows.
    pub prior_mbps: f64,
}

impl Estimate {
    /// For a client `km` away from an edge of `capacity_mbps`.
    pub fn of(km: Option<f64>, capacity_mbps: f64, reading: Option<&Reading>, typical_mbps: f64, now: EpochMs) -> Estimate {
        let Some(reading) = reading else {
            return Estimate {
                latency_ms: km.map(|km| prior_ms(Some(km))),
                bandwidth_mbps: None,
                load: 0.0,
                error_rate: None,
                confidence: 0.0,
                prior_mbps: typical_mbps,
            };
        };
        let age = now.since(reading.at);
        let trust = |weight: f64| {
            let weight = aged(weight, age);
            weight / (weight + PRIOR_WEIGHT)
        };
        let latency_ms = match (km, reading.excess_ms) {
            (Some(_), Some((excess, weight))) => Some((prior_ms(km) + trust(weight) * excess).max(least_ms(km)).max(1.0)),
            (Some(_), None) => Some(prior_ms(km)),
            (None, _) => reading.latency_ms.map(|(ms, weight)| DEFAULT_RTT_MS + trust(weight) * (ms - DEFAULT_RTT_MS)),
        };
        let bandwidth_mbps = reading.mbps.map(|(mbps, weight)| {
            // Between rates, the geometric mean is the fair one.
            let trust = trust(weight);
            libm::exp(libm::log(typical_mbps) * (1.0 - trust) + libm::log(mbps.max(0.01)) * trust)
        });
        let offered = reading.offered_mbps * libm::exp(-(age as f64) / LOAD_MS);
        Estimate {
            latency_ms,
            bandwidth_mbps,
            load: (offered / capacity_mbps.max(1.0)).clamp(0.0, 1.0),
            error_rate: reading.errors.map(|(rate, weight)| rate * trust(weight)),
            confidence: reading.errors.map_or(0.0, |(_, weight)| trust(weight)),
            prior_mbps: typical_mbps,
        }
    }

    /// Round trip to reckon with, ms.
    pub fn latency_or_prior(&self) -> f64 {
        self.latency_ms.unwrap_or(DEFAULT_RTT_MS)
    }

    /// Rate to reckon with, Mbit/s.
    pub fn bandwidth_or_prior(&self) -> f64 {
        self.bandwidth_mbps.unwrap_or(self.prior_mbps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(10_000_000);

    fn reading() -> Reading {
        Reading {
            at: NOW,
            excess_ms: Some((90.0, 4.5)),
            latency_ms: Some((200.0, 4.5)),
            mbps: Some((10.0, 4.5)),
            errors: Some((0.5, 4.5)),
            offered_mbps: 300.0,
        }
    }

    #[test]
    fn what_nobody_measured_follows_distance() {
        let near = Estimate::of(Some(0.0), 1_000.0, None, PRIOR_MBPS, NOW);
        let far = Estimate::of(Some(10_000.0), 1_000.0, None, PRIOR_MBPS, NOW);
        assert_eq!((near.latency_ms, far.latency_ms, near.bandwidth_mbps, near.error_rate), (Some(10.0), Some(160.0), None, None));
        assert_eq!(Estimate::of(None, 1_000.0, None, PRIOR_MBPS, NOW).latency_ms, None);
    }

    #[test]
    fn what_was_measured_counts_and_fades() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
        let fresh = Estimate::of(Some(1_000.0), 1_000.0, Some(&reading()), PRIOR_MBPS, NOW);
        let trust = 4.5 / (4.5 + PRIOR_WEIGHT);
        assert!(close(fresh.latency_ms.unwrap(), 25.0 + trust * 90.0), "{fresh:?}");
        assert!(close(fresh.error_rate.unwrap(), 0.5 * trust) && close(fresh.load, 0.3) && close(fresh.confidence, trust));
        assert!((10.0..11.0).contains(&fresh.bandwidth_mbps.unwrap()));
        let old = Estimate::of(Some(1_000.0), 1_000.0, Some(&reading()), PRIOR_MBPS, NOW.plus(24 * 3_600_000));
        assert!(close(old.latency_ms.unwrap(), 25.0) && close(old.error_rate.unwrap(), 0.0) && close(old.load, 0.0), "{old:?}");
        assert!((old.bandwidth_mbps.unwrap() - PRIOR_MBPS).abs() < 0.01);
        let nowhere = Estimate::of(None, 1_000.0, Some(&reading()), PRIOR_MBPS, NOW);
        assert!(close(nowhere.latency_ms.unwrap(), 100.0 + trust * 100.0));
    }

    #[test]
    fn nothing_is_faster_than_light() {
        let liar = Reading { excess_ms: Some((-1_000.0, 100.0)), ..reading() };
        assert_eq!(Estimate::of(Some(5_000.0), 1_000.0, Some(&liar), PRIOR_MBPS, NOW).latency_ms, Some(50.0));
    }
}
