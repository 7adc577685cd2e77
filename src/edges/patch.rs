//! Request bodies with which operators add and change edges (docs/api.md, "Edges").

use serde::Deserialize;

use crate::base::id::Name;
use crate::base::json::null_as_reset;
use crate::base::time::EpochMs;
use crate::edges::edge::{Edge, Status};
use crate::edges::location::Location;
use crate::edges::places;
use crate::http::json_body::JsonText;
use crate::problem::Problem;

/// The longest name of an edge or a city, bytes.
const MAX_NAME: usize = 100;

/// The longest URL, bytes.
const MAX_URL: usize = 500;

/// The longest region, bytes.
const MAX_REGION: usize = 64;

/// The largest capacity, Mbit/s.
const MAX_MBPS: u64 = 10_000_000;

/// Body of PATCH, and of POST besides the id: absent fields keep their value.
#[derive(Debug, Default, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EdgePatch"))]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    city: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    continent: Option<String>,
    #[serde(default)]
    lat: Option<f64>,
    #[serde(default)]
    lon: Option<f64>,
    #[serde(default)]
    colo: Option<String>,
    #[serde(default, deserialize_with = "null_as_reset")]
    url: Option<Option<String>>,
    // camelCase as in `/api/edges`; the alias is the spelling of the other portal routes.
    #[serde(default, alias = "capacity_mbps")]
    capacity_mbps: Option<u64>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(default, deserialize_with = "null_as_reset")]
    region: Option<Option<String>>,
}

/// Body of `POST /api/portal/edges`.
#[derive(Debug)]
pub struct Create {
    id: Option<String>,
    patch: Patch,
}

fn text(field: &'static str, value: &str) -> Result<String, Problem> {
    if value.is_empty() || value.len() > MAX_NAME || value.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "must be 1 to 100 bytes without control characters"));
    }
    Ok(value.to_owned())
}

fn code(field: &'static str, value: &str, len: usize) -> Result<String, Problem> {
    if value.len() != len || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Problem::invalid(field, format!("must be {len} letters or digits")));
    }
    Ok(value.to_ascii_uppercase())
}

/// Checks `https://host[:port]` without a path: clients append the API's paths.
fn address(url: &str) -> Result<String, Problem> {
    let refused = || Problem::invalid("url", "must be https://host or http://host, with nothing after it");
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(refused)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    if host.is_empty() || url.len() > MAX_URL || !host.bytes().all(allowed) {
        return Err(refused());
    }
    Ok(url)
}

/// Checks `<provider>:<region>` such as `aws:eu-central-1`.
fn placement(region: &str) -> Result<String, Problem> {
    let is_plain = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b':'));
    let is_region =
        is_plain && region.len() <= MAX_REGION && region.split_once(':').is_some_and(|(provider, place)| !provider.is_empty() && !place.is_empty());
    if is_region { Ok(region.to_owned()) } else { Err(Problem::invalid("region", "must be <provider>:<region>, such as aws:eu-central-1")) }
}

impl Create {
    /// Reads the body: twice, since a struct flattened by serde would not tell which field is wrong.
    ///
    /// # Errors
    /// 400 and 422 as [`JsonText`].
    pub fn parse(body: &[u8]) -> Result<Create, Problem> {
        #[derive(Deserialize)]
        struct Identified {
            #[serde(default)]
            id: Option<String>,
        }
        let text = JsonText::check(body)?;
        Ok(Create { id: text.read::<Identified>()?.id, patch: text.read()? })
    }

    /// The edge to create. Without an id it gets its PoP's code in lower case.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn check(self) -> Result<Edge, Problem> {
        let Create { id, patch } = self;
        for (field, missing) in [
            ("name", patch.name.is_none()),
            ("city", patch.city.is_none()),
            ("country", patch.country.is_none()),
            ("continent", patch.continent.is_none()),
            ("lat", patch.lat.is_none()),
            ("lon", patch.lon.is_none()),
            ("colo", patch.colo.is_none()),
            ("capacityMbps", patch.capacity_mbps.is_none()),
        ] {
            if missing {
                return Err(Problem::invalid(field, "is required"));
            }
        }
        let named = id.or_else(|| patch.colo.as_deref().map(str::to_ascii_lowercase)).unwrap_or_default();
        let id = Name::parse(&named).ok_or_else(|| Problem::invalid("id", "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))?;
        patch.apply(Edge {
            id,
            name: String::new(),
            city: String::new(),
            country: String::new(),
            continent: String::new(),
            lat: 0.0,
            lon: 0.0,
            colo: String::new(),
            url: None,
            capacity_mbps: 0,
            status: Status::Active,
            region: None,
            updated_at: EpochMs(0),
        })
    }
}

impl Patch {
    /// The edge with these values applied.
    ///
    /// # Errors
    /// [`Problem::Invalid`] naming the field.
    pub fn apply(self, mut edge: Edge) -> Result<Edge, Problem> {
        for (field, value, slot) in [("name", self.name, &mut edge.name), ("city", self.city, &mut edge.city)] {
            if let Some(value) = value {
                *slot = text(field, &value)?;
            }
        }
        for (field, value, len, slot) in [("country", self.country, 2, &mut edge.country), ("colo", self.colo, 3, &mut edge.colo)] {
            if let Some(value) = value {
                *slot = code(field, &value, len)?;
            }
        }
        if let Some(continent) = self.continent {
            edge.continent = continent.to_ascii_uppercase();
            if !places::is_continent(&edge.continent) {
                return Err(Problem::invalid("continent", "must be AF, AN, AS, EU, NA, OC or SA"));
            }
        }
        edge.lat = self.lat.unwrap_or(edge.lat);
        edge.lon = self.lon.unwrap_or(edge.lon);
        Location { lat: edge.lat, lon: edge.lon }.check().map_err(|_| Problem::invalid("lat", "must be within ±90, and lon within ±180"))?;
        if let Some(url) = self.url {
            edge.url = url.as_deref().map(address).transpose()?;
        }
        if let Some(capacity) = self.capacity_mbps {
            if !(1..=MAX_MBPS).contains(&capacity) {
                return Err(Problem::invalid("capacityMbps", "must be from 1 to 10,000,000"));
            }
            edge.capacity_mbps = capacity;
        }
        edge.status = self.status.unwrap_or(edge.status);
        if let Some(region) = self.region {
            edge.region = region.as_deref().map(placement).transpose()?;
        }
        Ok(edge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"name":"Oslo","city":"Oslo","country":"no","continent":"eu","lat":60.2,"lon":11.1,"colo":"osl","url":"HTTPS://osl.example.com/","capacityMbps":500}"#;

    #[test]
    fn create_requires_every_field_but_id_and_url() {
        let edge = Create::parse(WHOLE.as_bytes()).unwrap().check().unwrap();
        assert_eq!((edge.id.as_str(), edge.colo.as_str(), edge.country.as_str(), edge.continent.as_str()), ("osl", "OSL", "NO", "EU"));
        assert_eq!((edge.url.as_deref(), edge.capacity_mbps, edge.status), (Some("https://osl.example.com"), 500, Status::Active));
        for field in ["name", "city", "country", "continent", "lat", "lon", "colo", "capacityMbps"] {
            let mut body: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
            body.as_object_mut().unwrap().remove(field);
            let refused = Create::parse(body.to_string().as_bytes()).unwrap().check();
            assert!(matches!(&refused, Err(Problem::Invalid { field: named, .. }) if named == field), "{field}: {refused:?}");
        }
    }

    #[test]
    fn invalid_value_returns_field_name_and_absent_fields_keep_value() {
        let edge = Create::parse(WHOLE.as_bytes()).unwrap().check().unwrap();
        for (body, field) in [
            (r#"{"name":""}"#, "name"),
            (r#"{"country":"DEU"}"#, "country"),
            (r#"{"continent":"XX"}"#, "continent"),
            (r#"{"lat":91}"#, "lat"),
            (r#"{"colo":"a-b"}"#, "colo"),
            (r#"{"url":"ftp://x"}"#, "url"),
            (r#"{"url":"https://x/path"}"#, "url"),
            (r#"{"url":"https://user@x"}"#, "url"),
            (r#"{"url":"https://"}"#, "url"),
            (&format!(r#"{{"url":"https://{}"}}"#, "x".repeat(MAX_URL)), "url"),
            (r#"{"capacityMbps":0}"#, "capacityMbps"),
            (r#"{"region":"eu-central-1"}"#, "region"),
            (r#"{"region":"aws:"}"#, "region"),
            (r#"{"region":"aws:eu central"}"#, "region"),
            (r#"{"region":"aws:eu\"\n[vars]"}"#, "region"),
            (&format!(r#"{{"region":"aws:{}"}}"#, "x".repeat(MAX_REGION)), "region"),
        ] {
            let refused = serde_json::from_str::<Patch>(body).unwrap().apply(edge.clone());
            assert!(matches!(&refused, Err(Problem::Invalid { field: named, .. }) if named == field), "{body}: {refused:?}");
        }
        assert!(serde_json::from_str::<Patch>(r#"{"status":"asleep"}"#).is_err());
        let drained = serde_json::from_str::<Patch>(r#"{"status":"draining","url":null}"#).unwrap().apply(edge.clone()).unwrap();
        assert_eq!(drained, Edge { status: Status::Draining, url: None, ..edge });
    }
}
