//! Deterministic random distributions: the same seed gives the same values on every machine.

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::draw::Draw;

/// Resolution of the values between 0 and 1.
const GRAIN: usize = 1 << 31;

/// A stream of random values.
pub struct Chance(Draw);

impl Chance {
    /// The stream for one purpose in one trace. Streams are independent, so a change in one does not affect the others.
    pub fn of(seed: &str, what: &str) -> Chance {
        Chance(Draw::of(&format!("{seed}/{what}"), EpochMs(0), 1))
    }

    /// Uniform in 0..1, both ends excluded.
    pub fn unit(&mut self) -> f64 {
        (self.0.below(GRAIN) as f64 + 0.5) / GRAIN as f64
    }

    /// Uniform in `low..high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normal distribution, mean 0, standard deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Lognormal distribution: its median, and the standard deviation of its logarithm.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Exponential distribution.
    pub fn waiting(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Pareto distribution with minimum 1 and tail index `index`.
    pub fn heavy(&mut self, index: f64) -> f64 {
        self.unit().powf(-1.0 / index)
    }

    /// An index into `weights`, in proportion to the weights.
    pub fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.unwrap_or(weights.len().saturating_sub(1))
    }

    /// Uniform in 0..`bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }
}
