//! Geographic coordinates and distances.

use serde::Deserialize;

use crate::base::units::{decimal, within};
use crate::edges::trig;
use crate::problem::Problem;

/// Mean radius of the Earth, km (IUGG).
const EARTH_KM: f64 = 6_371.0;

/// Geographic coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Location {
    /// Latitude, degrees, -90..=90.
    pub lat: f64,
    /// Longitude, degrees, -180..=180.
    pub lon: f64,
}

impl Location {
    /// # Errors
    /// [`Problem::Invalid`] if either coordinate is out of range.
    pub fn check(self) -> Result<Location, Problem> {
        if (-90.0..=90.0).contains(&self.lat) && (-180.0..=180.0).contains(&self.lon) {
            Ok(self)
        } else {
            Err(Problem::invalid("location", "lat must be within ±90, lon within ±180"))
        }
    }

    /// Parses `lat,lon`; None if malformed or out of range.
    pub fn parse(text: &str) -> Option<Location> {
        let (lat, lon) = text.split_once(',')?;
        Location { lat: decimal(lat.trim())?, lon: decimal(lon.trim())? }.check().ok()
    }

    /// Great-circle distance, km (haversine formula).
    pub fn km_to(self, other: Location) -> f64 {
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        let half = |x: f64| trig::sin(x / 2.0).powi(2);
        let chord = half(b - a) + trig::cos(a) * trig::cos(b) * half((other.lon - self.lon).to_radians());
        2.0 * EARTH_KM * trig::asin(within(chord, 0.0, 1.0).sqrt())
    }
}
