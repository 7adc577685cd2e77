//! Edges: the locations that accept uploads (docs/edges.md, "What an edge is").

use serde::{Deserialize, Serialize};

use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::edges::geo::GeoHint;
use crate::edges::location::Location;

/// Whether an edge accepts uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EdgeStatus"))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepts uploads.
    Active,
    /// Finishes running uploads, is offered no new ones.
    Draining,
    /// Accepts no uploads.
    Disabled,
}

impl Status {
    /// The value in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Draining => "draining",
            Status::Disabled => "disabled",
        }
    }
}

/// What an edge is asked to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A new upload.
    New,
    /// A part of an upload that is under way.
    UnderWay,
}

impl Status {
    /// Whether an edge of this status takes `work`.
    pub fn takes(self, work: Work) -> bool {
        match self {
            Status::Active => true,
            Status::Draining => work == Work::UnderWay,
            Status::Disabled => false,
        }
    }
}

/// The status of the edge whose own address, `https://host`, was called; of several with this address, that of the one which takes most. `None` for an address
/// that belongs to no edge: a PoP to which anycast leads has no address of its own, so that its clients could not go elsewhere.
pub fn status_at(edges: &[Edge], base: &str) -> Option<Status> {
    let takes = |status: &Status| [Work::UnderWay, Work::New].into_iter().filter(|work| status.takes(*work)).count();
    edges.iter().filter(|edge| edge.url.as_deref() == Some(base)).map(|edge| edge.status).max_by_key(takes)
}

/// One row of `edge_locations`, and one entry of `GET /api/edges`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Edge {
    /// Edge id.
    pub id: Name,
    /// Display name.
    pub name: String,
    /// City.
    pub city: String,
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// Continent code of Cloudflare: AF AN AS EU NA OC SA.
    pub continent: String,
    /// Latitude, degrees, -90..=90.
    pub lat: f64,
    /// Longitude, degrees, -180..=180.
    pub lon: f64,
    /// The PoP, IATA code.
    pub colo: String,
    /// `https://host[:port]`; None means the URL at which this Worker was called.
    pub url: Option<String>,
    /// Capacity, Mbit/s.
    pub capacity_mbps: u64,
    /// See [`Status`].
    pub status: Status,
    /// Where its own deployment of this Worker is placed, `<provider>:<region>` as the platform names it (Cloudflare Workers documentation, "Placement").
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// When it was last changed.
    #[serde(skip_serializing, default)]
    pub updated_at: EpochMs,
}

impl Edge {
    /// Its coordinates.
    pub fn place(&self) -> Location {
        Location { lat: self.lat, lon: self.lon }
    }
}

/// The id of the edge that received a request: the edge of its PoP, else the edge with the URL that was called, else the PoP's code ("local" if there is none,
/// as in `wrangler dev`).
pub fn serving(edges: &[Edge], hint: &GeoHint, base: &str) -> String {
    let of_colo = || edges.iter().find(|edge| hint.colo.as_deref() == Some(edge.colo.as_str()));
    let of_base = || edges.iter().find(|edge| edge.url.as_deref() == Some(base));
    of_colo().or_else(of_base).map_or_else(|| hint.edge_name().to_owned(), |edge| edge.id.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn edge(id: &str, lat: f64, lon: f64) -> Edge {
        Edge {
            id: Name::parse(id).unwrap(),
            name: id.to_owned(),
            city: id.to_owned(),
            country: "DE".to_owned(),
            continent: "EU".to_owned(),
            lat,
            lon,
            colo: id.to_uppercase(),
            url: None,
            capacity_mbps: 1_000,
            status: Status::Active,
            region: None,
            updated_at: EpochMs(0),
        }
    }

    #[test]
    fn serving_edge_is_found_by_pop_then_url_then_pop_code() {
        let edges = [edge("fra", 50.0, 8.6), Edge { url: Some("http://127.0.0.1:1".into()), ..edge("sin", 1.4, 104.0) }];
        let from = |colo: Option<&str>, base| serving(&edges, &GeoHint { colo: colo.map(str::to_owned), ..GeoHint::default() }, base);
        assert_eq!(from(Some("FRA"), "http://127.0.0.1:1"), "fra", "the edge of the PoP");
        assert_eq!(from(None, "http://127.0.0.1:1"), "sin");
        assert_eq!((from(Some("AMS"), "https://x"), from(None, "https://x")), ("AMS".to_owned(), "local".to_owned()));
    }

    #[test]
    fn draining_edge_takes_parts_and_no_new_upload_and_disabled_edge_neither() {
        let at = |status, url: Option<&str>| status_at(&[Edge { status, url: url.map(str::to_owned), ..edge("fra", 50.0, 8.6) }], "https://a");
        let takes = |status: Status| [Work::New, Work::UnderWay].map(|work| status.takes(work));
        assert_eq!([Status::Active, Status::Draining, Status::Disabled].map(takes), [[true, true], [false, true], [false, false]]);
        assert_eq!(at(Status::Disabled, Some("https://a")), Some(Status::Disabled));
        assert_eq!((at(Status::Disabled, Some("https://b")), at(Status::Disabled, None)), (None, None), "another address, or none of its own");
        let shared = |statuses: [Status; 2]| {
            let edges = statuses.map(|status| Edge { status, url: Some("https://a".to_owned()), ..edge("fra", 50.0, 8.6) });
            status_at(&edges, "https://a")
        };
        for statuses in [[Status::Disabled, Status::Active], [Status::Active, Status::Disabled]] {
            assert_eq!(shared(statuses), Some(Status::Active), "closed only if no edge at the address is open");
        }
        assert_eq!(shared([Status::Disabled, Status::Draining]), Some(Status::Draining));
    }

    #[test]
    fn edge_has_pinned_json() {
        let text = serde_json::to_string(&edge("fra", 50.0, 8.6)).unwrap();
        assert_eq!(
            text,
            r#"{"id":"fra","name":"fra","city":"fra","country":"DE","continent":"EU","lat":50.0,"lon":8.6,"colo":"FRA","url":null,"capacityMbps":1000,"status":"active"}"#
        );
        let placed = Edge { region: Some("aws:eu-central-1".to_owned()), ..edge("fra", 50.0, 8.6) };
        assert!(serde_json::to_string(&placed).unwrap().ends_with(r#","status":"active","region":"aws:eu-central-1"}"#));
    }
}
