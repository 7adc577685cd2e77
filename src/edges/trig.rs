//! Trigonometry precise to a few metres on the globe. The correctly rounded functions of libm would add 8 KB to the module.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::base::units::within;

/// Sine of an angle in -pi..=pi, to 1e-11.
pub fn sin(x: f64) -> f64 {
    let x = within(x, -PI, PI);
    let near = if x.abs() > FRAC_PI_2 { PI.copysign(x) - x } else { x };
    let square = near * near;
    // Taylor series up to x^15: its error is below 7e-12 in a quarter turn.
    let series = [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0].iter().fold(1.0, |rest, n| 1.0 - rest * square / (n * (n - 1.0)));
    near * series
}

/// Cosine of an angle in -pi..=pi, to 1e-11.
pub fn cos(x: f64) -> f64 {
    sin(FRAC_PI_2 - x.abs())
}

/// Arcsine of 0..=1, to 2e-8 (Abramowitz and Stegun, "Handbook of mathematical functions", 4.4.46).
pub fn asin(x: f64) -> f64 {
    let coefficients =
        [-0.001_262_491_1, 0.006_670_090_1, -0.017_088_125_6, 0.030_891_881_0, -0.050_174_304_6, 0.088_978_987_4, -0.214_598_801_6, 1.570_796_305_0];
    FRAC_PI_2 - (1.0 - x).max(0.0).sqrt() * coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_match_libm_within_documented_error() {
        for step in -1_000_i32..=1_000 {
            let x = PI * f64::from(step) / 1_000.0;
            assert!((sin(x) - x.sin()).abs() < 1e-11, "sin {x}");
            assert!((cos(x) - x.cos()).abs() < 1e-11, "cos {x}");
            let y = f64::from(step.abs()) / 1_000.0;
            assert!((asin(y) - y.asin()).abs() < 3e-8, "asin {y}");
        }
    }
}
