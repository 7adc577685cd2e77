//! The geographic origin of a request, as far as it is known.

use serde::Serialize;

use crate::edges::location::Location;
use crate::edges::places;

/// The longest name of a region or time zone, bytes.
const MAX_REGION_NAME: usize = 100;

/// Location of a request according to the platform or the client; every field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ClientPlace"))]
pub struct GeoHint {
    /// The PoP that received the request, IATA code.
    pub colo: Option<String>,
    /// Country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Latitude, degrees, -90..=90.
    pub lat: Option<f64>,
    /// Longitude, degrees, -180..=180.
    pub lon: Option<f64>,
    /// Continent code of Cloudflare: AF AN AS EU NA OC SA.
    #[serde(skip)]
    pub continent: Option<String>,
    /// Region: ISO 3166-2 code or name.
    #[serde(skip)]
    pub region: Option<String>,
    /// Time zone, IANA name.
    #[serde(skip)]
    pub timezone: Option<String>,
    /// Autonomous system number of the client's network.
    #[serde(skip)]
    pub asn: Option<u32>,
    /// Round-trip time of the client's connection, ms.
    #[serde(skip)]
    pub rtt_ms: Option<f64>,
}

/// The raw properties of `request.cf` (Cloudflare Workers documentation, "Request", `IncomingRequestCfProperties`); each may be missing or malformed.
#[derive(Debug, Default, Clone)]
pub struct RawCf {
    /// `colo`
    pub colo: Option<String>,
    /// `country`
    pub country: Option<String>,
    /// `continent`
    pub continent: Option<String>,
    /// `regionCode`, else `region`
    pub region: Option<String>,
    /// `timezone`
    pub timezone: Option<String>,
    /// `latitude`, number or text
    pub latitude: Option<String>,
    /// `longitude`, number or text
    pub longitude: Option<String>,
    /// `asn`
    pub asn: Option<f64>,
    /// `clientTcpRtt`, ms; absent on HTTP/3
    pub tcp_rtt_ms: Option<f64>,
    /// `clientQuicRtt`, ms; on HTTP/3 only
    pub quic_rtt_ms: Option<f64>,
}

impl GeoHint {
    /// Builds a hint from the raw properties of `request.cf`; malformed ones are dropped.
    pub fn from_raw(raw: RawCf) -> GeoHint {
        let code = |text: Option<String>, len: usize| {
            text.filter(|text| text.len() == len && text.bytes().all(|b| b.is_ascii_alphanumeric())).map(|text| text.to_ascii_uppercase())
        };
        let name =
            |text: Option<String>| text.filter(|text| !text.is_empty() && text.len() <= MAX_REGION_NAME && !text.chars().any(char::is_control));
        let place = raw
            .latitude
            .zip(raw.longitude)
            .and_then(|(lat, lon)| Some(Location { lat: lat.trim().parse().ok()?, lon: lon.trim().parse().ok()? }))
            .and_then(|place| place.check().ok());
        GeoHint {
            colo: code(raw.colo, 3),
            country: code(raw.country, 2),
            lat: place.map(|place| place.lat),
            lon: place.map(|place| place.lon),
            continent: code(raw.continent, 2).filter(|code| places::is_continent(code)),
            region: name(raw.region),
            timezone: name(raw.timezone),
            // AS numbers have 32 bits (RFC 6793).
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            asn: raw.asn.filter(|asn| asn.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(asn)).map(|asn| asn as u32),
            // The one that is not of this connection is absent or 0.
            rtt_ms: [raw.tcp_rtt_ms, raw.quic_rtt_ms].into_iter().flatten().find(|ms| ms.is_finite() && *ms > 0.0),
        }
    }

    /// The best known location of the client: its coordinates, else the centre of its country, else of its continent.
    pub fn place(&self) -> Option<Location> {
        let exact = self.lat.zip(self.lon).map(|(lat, lon)| Location { lat, lon });
        let country = || self.country.as_deref().and_then(places::of_country);
        let continent = || self.continent.as_deref().and_then(places::of_continent);
        exact.or_else(country).or_else(continent)
    }

    /// The hint with the location that the client stated, which takes precedence.
    #[must_use]
    pub fn at(mut self, place: Option<Location>) -> GeoHint {
        if let Some(place) = place {
            self.lat = Some(place.lat);
            self.lon = Some(place.lon);
        }
        self
    }

    /// Where an object that serves this client should be created; None where nothing is known of the client (Cloudflare Durable Objects documentation, "Data
    /// location": the hints it names; continents are divided where it divides them).
    pub fn location_hint(&self) -> Option<&'static str> {
        let place = self.place();
        let continent = self.continent.as_deref().or_else(|| self.country.as_deref().and_then(places::continent_of_country));
        let east_of = |lon: f64| place.is_some_and(|place| place.lon >= lon);
        match continent? {
            "NA" => Some(if east_of(-100.0) { "enam" } else { "wnam" }),
            "SA" => Some("sam"),
            "EU" => Some(if east_of(15.0) { "eeur" } else { "weur" }),
            "AS" => Some(if east_of(63.0) { "apac" } else { "me" }),
            "OC" => Some("oc"),
            "AF" => Some("afr"),
            _ => None,
        }
    }

    /// The name of the edge that received this request: its PoP, or "local" if there is none (`wrangler dev`).
    pub fn edge_name(&self) -> &str {
        self.colo.as_deref().unwrap_or("local")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::location::Location;
    use crate::edges::places;

    fn raw(lat: &str, lon: &str) -> RawCf {
        RawCf { latitude: Some(lat.to_owned()), longitude: Some(lon.to_owned()), ..RawCf::default() }
    }

    #[test]
    fn malformed_properties_are_dropped_and_valid_ones_kept() {
        let all = RawCf {
            colo: Some("sin".into()),
            country: Some("T1X".into()),
            continent: Some("T1".into()),
            region: Some("a\n".into()),
            timezone: Some("Asia/Singapore".into()),
            asn: Some(0.5),
            tcp_rtt_ms: Some(f64::NAN),
            ..raw("1.35", "103.9")
        };
        let hint = GeoHint::from_raw(all);
        let timezone = Some("Asia/Singapore".to_owned());
        assert_eq!(hint, GeoHint { colo: Some("SIN".into()), lat: Some(1.35), lon: Some(103.9), timezone, ..GeoHint::default() });
        for (lat, lon) in [("x", "1"), ("91", "1"), ("NaN", "1"), ("1", "181")] {
            assert_eq!(GeoHint::from_raw(raw(lat, lon)), GeoHint::default(), "{lat} {lon}");
        }
        let network = GeoHint::from_raw(RawCf { asn: Some(13_335.0), continent: Some("as".into()), ..RawCf::default() });
        assert_eq!((network.asn, network.continent.as_deref()), (Some(13_335), Some("AS")));
        assert_eq!(GeoHint::default().edge_name(), "local");
        assert_eq!(hint.at(Some(Location { lat: 0.0, lon: 0.0 })).lat, Some(0.0));
    }

    #[test]
    fn round_trip_is_that_of_tcp_or_else_of_quic() {
        let rtt = |tcp: Option<f64>, quic: Option<f64>| GeoHint::from_raw(RawCf { tcp_rtt_ms: tcp, quic_rtt_ms: quic, ..RawCf::default() }).rtt_ms;
        assert_eq!((rtt(Some(12.0), None), rtt(None, Some(34.0)), rtt(Some(0.0), Some(34.0))), (Some(12.0), Some(34.0), Some(34.0)));
        assert_eq!((rtt(None, None), rtt(Some(f64::NAN), Some(-1.0))), (None, None));
    }

    #[test]
    fn location_hint_follows_continent_and_longitude_or_country() {
        let of = |continent: Option<&str>, country: Option<&str>, lon: Option<&str>| {
            let raw = RawCf { latitude: lon.map(|_| "10".into()), longitude: lon.map(Into::into), ..RawCf::default() };
            GeoHint::from_raw(RawCf { continent: continent.map(Into::into), country: country.map(Into::into), ..raw }).location_hint()
        };
        assert_eq!((of(Some("NA"), None, Some("-122")), of(Some("NA"), None, Some("-74"))), (Some("wnam"), Some("enam")));
        assert_eq!((of(Some("EU"), None, Some("2")), of(Some("EU"), None, Some("25"))), (Some("weur"), Some("eeur")));
        assert_eq!((of(Some("AS"), None, Some("55")), of(Some("AS"), None, Some("104"))), (Some("me"), Some("apac")));
        assert_eq!(["SA", "OC", "AF", "AN"].map(|code| of(Some(code), None, None)), [Some("sam"), Some("oc"), Some("afr"), None]);
        assert_eq!((of(None, Some("DE"), None), of(None, Some("JP"), None), of(None, None, Some("1"))), (Some("weur"), Some("apac"), None));
    }

    #[test]
    fn place_falls_back_to_country_then_continent_then_none() {
        let of = |country: &str, continent: &str| {
            GeoHint::from_raw(RawCf { country: Some(country.into()), continent: Some(continent.into()), ..RawCf::default() }).place()
        };
        let singapore = Location { lat: 1.35, lon: 103.8 };
        assert!(of("SG", "AS").unwrap().km_to(singapore) < 20.0);
        assert_eq!(of("T1", "AS"), places::of_continent("AS"));
        assert_eq!((of("T1", "T1"), GeoHint::default().place()), (None, None));
        let own = GeoHint { lat: Some(50.0), lon: Some(8.0), country: Some("SG".into()), ..GeoHint::default() };
        assert_eq!(own.place(), Some(Location { lat: 50.0, lon: 8.0 }));
    }

    #[test]
    fn distance_between_known_points_and_parsing_of_coordinates() {
        let (frankfurt, sydney) = (Location { lat: 50.03, lon: 8.57 }, Location { lat: -33.95, lon: 151.18 });
        assert!((frankfurt.km_to(sydney) - 16_480.0).abs() < 60.0, "{}", frankfurt.km_to(sydney));
        assert!(frankfurt.km_to(frankfurt) < 0.001);
        let (pole, other) = (Location { lat: 90.0, lon: 0.0 }, Location { lat: -90.0, lon: 77.0 });
        assert!((pole.km_to(other) - 20_015.0).abs() < 1.0);
        assert_eq!(Location::parse(" 1.5 , -2 "), Some(Location { lat: 1.5, lon: -2.0 }));
        for bad in ["", "1", "1,2,3", "91,0", "a,b", "NaN,0"] {
            assert_eq!(Location::parse(bad), None, "{bad}");
        }
    }
}
