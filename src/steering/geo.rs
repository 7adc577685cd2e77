//! Where a request comes from, as far as anybody knows.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::units::decimal;

/// What the platform (or the client) says of a request's place; every part may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GeoHint {
    /// The PoP that took the request, IATA code.
    pub colo: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Degrees, -90..=90.
    pub lat: Option<f64>,
    /// Degrees, -180..=180.
    pub lon: Option<f64>,
    /// Round-trip time of the client's TCP connection, ms; absent on HTTP/3.
    #[serde(skip)]
    pub tcp_rtt_ms: Option<f64>,
}

/// A place the client names itself.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Location {
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
}

impl Location {
    /// # Errors
    /// [`Problem::Invalid`] outside the globe.
    pub fn check(self) -> Result<Location, Problem> {
        if (-90.0..=90.0).contains(&self.lat) && (-180.0..=180.0).contains(&self.lon) {
            Ok(self)
        } else {
            Err(Problem::Invalid { field: "location", detail: "lat must be within ±90, lon within ±180".to_owned() })
        }
    }
}

impl GeoHint {
    /// Builds a hint from the raw texts of `request.cf`, dropping what is malformed.
    pub fn from_raw(colo: Option<String>, country: Option<String>, lat: Option<&str>, lon: Option<&str>, tcp_rtt_ms: Option<f64>) -> GeoHint {
        let code = |text: Option<String>, len: usize| {
            text.filter(|text| text.len() == len && text.bytes().all(|b| b.is_ascii_alphanumeric())).map(|text| text.to_ascii_uppercase())
        };
        let place =
            lat.zip(lon).and_then(|(lat, lon)| Some(Location { lat: decimal(lat)?, lon: decimal(lon)? })).and_then(|place| place.check().ok());
        GeoHint {
            colo: code(colo, 3),
            country: code(country, 2),
            lat: place.map(|place| place.lat),
            lon: place.map(|place| place.lon),
            tcp_rtt_ms: tcp_rtt_ms.filter(|ms| ms.is_finite() && *ms >= 0.0),
        }
    }

    /// The hint with the client's own word for its place, which wins.
    #[must_use]
    pub fn at(mut self, place: Option<Location>) -> GeoHint {
        if let Some(place) = place {
            self.lat = Some(place.lat);
            self.lon = Some(place.lon);
        }
        self
    }

    /// The name of the edge that took this request: its colo, or "local" where there is none (`wrangler dev` without one).
    pub fn edge_name(&self) -> &str {
        self.colo.as_deref().unwrap_or("local")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_parts_are_dropped_one_by_one() {
        let hint = GeoHint::from_raw(Some("sin".into()), Some("T1X".into()), Some("1.35"), Some("103.9"), Some(f64::NAN));
        assert_eq!(hint, GeoHint { colo: Some("SIN".into()), lat: Some(1.35), lon: Some(103.9), ..GeoHint::default() });
        for (lat, lon) in [("x", "1"), ("91", "1"), ("NaN", "1"), ("1", "181")] {
            assert_eq!(GeoHint::from_raw(None, None, Some(lat), Some(lon), None), GeoHint::default(), "{lat} {lon}");
        }
        assert_eq!(GeoHint::default().edge_name(), "local");
        assert_eq!(hint.at(Some(Location { lat: 0.0, lon: 0.0 })).lat, Some(0.0));
    }
}
