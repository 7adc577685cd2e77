//! Chance that is the same for the same seed, on every machine.

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::draw::Draw;

/// So many numbers between 0 and 1.
const GRAIN: usize = 1 << 31;

/// A stream of chance.
pub struct Chance(Draw);

impl Chance {
    /// Of what it decides, in that trace: no two streams know of each other, so a change in one leaves the others alone.
    pub fn of(seed: &str, what: &str) -> Chance {
        Chance(Draw::of(&format!("{seed}/{what}"), EpochMs(0), 1))
    }

    /// 0..1, uniform, neither end included.
    pub fn unit(&mut self) -> f64 {
        (self.0.below(GRAIN) as f64 + 0.5) / GRAIN as f64
    }

    /// `low..high`, uniform.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Of mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Lognormal: its median, and the deviation of its logarithm.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Exponential.
    pub fn waiting(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Pareto: at least 1, with a heavy tail of that index.
    pub fn heavy(&mut self, index: f64) -> f64 {
        self.unit().powf(-1.0 / index)
    }

    /// An index into `weights`, each as often as it weighs.
    pub fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.unwrap_or(weights.len().saturating_sub(1))
    }

    /// Below `bound`, uniform.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }
}
