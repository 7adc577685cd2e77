//! Expected performance of an upload over an edge: the measurements, weighted against a prior as they age (docs/edges.md, "Measurements").
//!
//! Logarithms and exponentials are libm's and not std's, whose results differ by platform (std::f64, "Unspecified precision"): a ranking is the same in the
//! Worker and in native tests.

use crate::base::time::EpochMs;
use crate::edges::metrics::reading::Reading;

/// Distance-independent part of the prior round-trip time, ms: access lines, queues, peering.
const BASE_MS: f64 = 10.0;

/// Round-trip time per kilometre of great-circle distance, ms: 200 km/ms in fibre, both ways, over paths 1.5 times as long.
const MS_PER_KM: f64 = 0.015;

/// Prior round-trip time if the client's location is unknown, ms.
const DEFAULT_RTT_MS: f64 = 100.0;

/// Prior throughput of one connection if no edge was measured, Mbit/s.
const PRIOR_MBPS: f64 = 40.0;

/// Expected throughput of an unmeasured edge as a share of the measured edges' mean.
const UNMEASURED_DISCOUNT: f64 = 0.8;

/// Weight of the prior (no errors) in the error rate that excludes an edge: a single failure is not enough.
const ERRORS_PRIOR_WEIGHT: f64 = 1.0;

/// Half-life of measurements, ms.
pub const HALF_LIFE_MS: f64 = 180_000.0;

/// Weight of the prior against that of measurements.
pub const PRIOR_WEIGHT: f64 = 0.07;

/// Time constant of the load, ms.
pub const LOAD_MS: f64 = 30_000.0;

/// Prior round-trip time for a distance, ms.
pub fn prior_ms(km: Option<f64>) -> f64 {
    km.map_or(DEFAULT_RTT_MS, |km| BASE_MS + km * MS_PER_KM)
}

/// Lower bound of the round-trip time for a distance, ms: light in fibre along the great circle. Smaller samples are false.
pub fn least_ms(km: Option<f64>) -> f64 {
    km.map_or(0.0, |km| km / 100.0)
}

/// Expected throughput of an unmeasured edge, Mbit/s: the geometric mean of the measured ones, discounted.
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

/// The weight after `ms` of decay.
pub fn aged(weight: f64, ms: u64) -> f64 {
    aged_by(HALF_LIFE_MS, weight, ms)
}

/// The weight after `ms` of decay with the given half-life, ms.
pub fn aged_by(half_life_ms: f64, weight: f64, ms: u64) -> f64 {
    // Ages are far below 2^53 ms.
    weight * libm::exp2(-(ms as f64) / half_life_ms)
}

impl Reading {
    /// Measured error rate, 0..=1, pulled towards 0 if its weight is small. It does not decay: that an edge works again must be measured.
    pub fn error_rate(&self) -> f64 {
        self.errors.map_or(0.0, |(rate, weight)| rate * weight / (weight + ERRORS_PRIOR_WEIGHT))
    }
}

/// Expected performance of an edge for one client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Round-trip time, ms; None if neither the distance is known nor a measurement exists.
    pub latency_ms: Option<f64>,
    /// Throughput of one connection, Mbit/s; None if it was never measured.
    pub bandwidth_mbps: Option<f64>,
    /// Used share of the capacity, 0..=1.
    pub load: f64,
    /// Error rate, 0..=1; None if it was never measured.
    pub error_rate: Option<f64>,
    /// Weight of measurements against the prior, 0..=1.
    pub confidence: f64,
    /// Expected throughput of an unmeasured edge, Mbit/s.
    pub prior_mbps: f64,
}

impl Estimate {
    /// The estimate for a client `km` away from an edge of `capacity_mbps`.
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
            // Rates are averaged geometrically.
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

    /// Round-trip time, or its prior, ms.
    pub fn latency_or_prior(&self) -> f64 {
        self.latency_ms.unwrap_or(DEFAULT_RTT_MS)
    }

    /// Throughput, or its prior, Mbit/s.
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
    fn typical_throughput_lies_between_the_prior_and_what_is_measured() {
        let typical = |mbps: f64| typical_mbps([Reading { mbps: Some((mbps, 1.0)), ..reading() }].iter(), NOW);
        let prior = PRIOR_MBPS * UNMEASURED_DISCOUNT;
        assert!((typical_mbps([].iter(), NOW) - prior).abs() < 1e-6);
        assert!((typical(PRIOR_MBPS) - prior).abs() < 1e-6);
        assert!(prior < typical(1_000.0) && typical(1_000.0) < 1_000.0 && typical(1.0) < prior && 1.0 < typical(1.0));
    }

    #[test]
    fn unmeasured_edge_gets_latency_from_distance() {
        let near = Estimate::of(Some(0.0), 1_000.0, None, PRIOR_MBPS, NOW);
        let far = Estimate::of(Some(10_000.0), 1_000.0, None, PRIOR_MBPS, NOW);
        assert_eq!((near.latency_ms, far.latency_ms, near.bandwidth_mbps, near.error_rate), (Some(10.0), Some(160.0), None, None));
        assert_eq!(Estimate::of(None, 1_000.0, None, PRIOR_MBPS, NOW).latency_ms, None);
    }

    #[test]
    fn measurements_outweigh_prior_and_decay() {
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
    fn latency_is_never_below_light_in_fibre() {
        let liar = Reading { excess_ms: Some((-1_000.0, 100.0)), ..reading() };
        assert_eq!(Estimate::of(Some(5_000.0), 1_000.0, Some(&liar), PRIOR_MBPS, NOW).latency_ms, Some(50.0));
    }
}
