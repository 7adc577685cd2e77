//! Geographic coordinates and distances.

use serde::Deserialize;

use crate::base::json;
use crate::problem::Problem;

/// Mean radius of the Earth, km (IUGG).
const EARTH_KM: f64 = 6_371.0;

/// Geographic coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Location {
    /// Latitude, degrees, -90..=90.
    #[cfg_attr(feature = "schema", schemars(range(min = -90.0, max = 90.0)))]
    pub lat: f64,
    /// Longitude, degrees, -180..=180.
    #[cfg_attr(feature = "schema", schemars(range(min = -180.0, max = 180.0)))]
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
        // Numbers as JSON writes them, as in request bodies.
        Location { lat: json::read(lat.trim()).ok()?, lon: json::read(lon.trim()).ok()? }.check().ok()
    }

    /// Great-circle distance, km (haversine formula).
    pub fn km_to(self, other: Location) -> f64 {
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        // libm and not std, whose results differ by platform (std::f64, "Unspecified precision"): a ranking is the same in the Worker and in native tests.
        let half = |x: f64| libm::sin(x / 2.0).powi(2);
        let chord = half(b - a) + libm::cos(a) * libm::cos(b) * half((other.lon - self.lon).to_radians());
        2.0 * EARTH_KM * libm::asin(chord.clamp(0.0, 1.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: f64, lon: f64) -> Location {
        Location { lat, lon }
    }

    #[test]
    fn distances_over_the_ground() {
        let quarter = EARTH_KM * std::f64::consts::FRAC_PI_2;
        for (from, to, km) in [
            (place(0.0, 0.0), place(0.0, 0.0), 0.0),
            (place(0.0, 0.0), place(0.0, 90.0), quarter),
            (place(0.0, -90.0), place(0.0, 90.0), 2.0 * quarter),
            (place(-90.0, 17.0), place(90.0, -120.0), 2.0 * quarter),
            (place(10.0, 179.5), place(10.0, -179.5), 109.5),
            // Frankfurt and New York.
            (place(50.11, 8.68), place(40.71, -74.01), 6_203.0),
        ] {
            assert!((from.km_to(to) - km).abs() < 1.0, "{from:?} {to:?}: {}", from.km_to(to));
            assert!((from.km_to(to) - to.km_to(from)).abs() < 1e-9, "{from:?} {to:?}");
        }
    }

    #[test]
    fn text_is_read_within_the_globe_only() {
        assert_eq!(Location::parse("50.1,8.7"), Some(place(50.1, 8.7)));
        assert_eq!(Location::parse(" -90 , 180 "), Some(place(-90.0, 180.0)));
        for bad in ["", ",", "1", "1,", ",1", "91,0", "0,-181", "NaN,0", "0,nan", "inf,0", "0,-infinity", "1e999,0", "1,2,3", "0x1,2", "1 2,3"] {
            assert_eq!(Location::parse(bad), None, "{bad}");
        }
    }
}
