//! Where countries and continents lie, for clients that say no more than that.

use crate::edges::location::Location;

/// See build.rs and `places/countries.txt`, which names its source.
const COUNTRIES: &str = include_str!(concat!(env!("OUT_DIR"), "/countries.txt"));

/// Roughly where the people of a continent live: code as Cloudflare has it, degrees.
const CONTINENTS: [(&str, f64, f64); 7] =
    [("AF", 5.0, 20.0), ("AN", -80.0, 0.0), ("AS", 25.0, 95.0), ("EU", 49.0, 12.0), ("NA", 39.0, -95.0), ("OC", -30.0, 148.0), ("SA", -17.0, -58.0)];

/// The middle of a country, ISO 3166-1 alpha-2.
pub fn of_country(code: &str) -> Option<Location> {
    // Lines of one form, in order of their codes: `DE EU 51.2 10.5`.
    let line = COUNTRIES.lines().find(|line| line.get(..2) == Some(code))?;
    let mut words = line.split(' ').skip(2);
    Some(Location { lat: words.next()?.parse().ok()?, lon: words.next()?.parse().ok()? })
}

/// The middle of a continent.
pub fn of_continent(code: &str) -> Option<Location> {
    CONTINENTS.iter().find(|(known, _, _)| *known == code).map(|(_, lat, lon)| Location { lat: *lat, lon: *lon })
}

/// Whether it is the code of a continent.
pub fn is_continent(code: &str) -> bool {
    of_continent(code).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_place_on_a_known_continent() {
        assert!(COUNTRIES.lines().count() >= 250);
        for line in COUNTRIES.lines() {
            let (code, rest) = line.split_at(2);
            assert!(of_country(code).is_some_and(|place| place.check().is_ok()), "{line}");
            assert!(of_continent(rest.trim().split(' ').next().unwrap()).is_some(), "{line}");
        }
        let germany = of_country("DE").unwrap();
        assert!((germany.lat - 51.2).abs() < 1.0 && (germany.lon - 10.5).abs() < 1.0);
        assert_eq!((of_country("QQ"), of_country(""), of_country("é"), of_continent("T1")), (None, None, None, None));
    }
}
