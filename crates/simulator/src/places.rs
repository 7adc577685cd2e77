//! Cities where uploads originate, and edges.

use crate::Result;
use jettyspeed_edge::base::id::Name;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::edges::edge::{Edge, Status};
use jettyspeed_edge::edges::location::Location;

/// Number of edges.
pub const EDGES: usize = 20;

/// Where cities and edges are.
#[derive(Debug)]
pub struct Geography {
    /// Cities where uploads originate.
    pub cities: &'static [City],
    table: [Row; EDGES],
}

/// Id, city, country, continent, latitude and longitude in degrees, capacity for these uploads in Mbit/s.
type Row = (&'static str, &'static str, &'static str, &'static str, f64, f64, u64);

/// The edges that are seeded, and large cities of all continents.
pub static WORLD: Geography = Geography { cities: &CITIES, table: TABLE };

/// Edges and cities south of the tropic of Cancer.
pub static SOUTHERN: Geography = Geography { cities: &SOUTHERN_CITIES, table: SOUTHERN_TABLE };

const TABLE: [Row; EDGES] = [
    ("ams", "Amsterdam", "NL", "EU", 52.31, 4.76, 2_000),
    ("bom", "Mumbai", "IN", "AS", 19.09, 72.87, 1_000),
    ("cdg", "Paris", "FR", "EU", 49.01, 2.55, 2_000),
    ("dfw", "Dallas", "US", "NA", 32.90, -97.04, 2_000),
    ("dxb", "Dubai", "AE", "AS", 25.25, 55.36, 1_000),
    ("fra", "Frankfurt", "DE", "EU", 50.03, 8.57, 2_000),
    ("gru", "São Paulo", "BR", "SA", -23.44, -46.47, 1_000),
    ("hkg", "Hong Kong", "HK", "AS", 22.31, 113.91, 2_000),
    ("iad", "Ashburn", "US", "NA", 38.94, -77.46, 2_000),
    ("icn", "Seoul", "KR", "AS", 37.46, 126.44, 2_000),
    ("jnb", "Johannesburg", "ZA", "AF", -26.14, 28.25, 500),
    ("lax", "Los Angeles", "US", "NA", 33.94, -118.41, 2_000),
    ("lhr", "London", "GB", "EU", 51.47, -0.45, 2_000),
    ("mad", "Madrid", "ES", "EU", 40.47, -3.56, 1_000),
    ("nrt", "Tokyo", "JP", "AS", 35.76, 140.39, 2_000),
    ("ord", "Chicago", "US", "NA", 41.98, -87.91, 2_000),
    ("scl", "Santiago", "CL", "SA", -33.39, -70.79, 500),
    ("sin", "Singapore", "SG", "AS", 1.36, 103.99, 2_000),
    ("syd", "Sydney", "AU", "OC", -33.95, 151.18, 1_000),
    ("yyz", "Toronto", "CA", "NA", 43.68, -79.63, 1_000),
];

/// A city where uploads originate.
#[derive(Debug, Clone, Copy)]
pub struct City {
    /// Display name.
    pub name: &'static str,
    /// Latitude, degrees.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// Relative share of uploads: roughly its online population in millions.
    pub weight: f64,
}

impl City {
    /// Its coordinates.
    pub fn place(&self) -> Location {
        Location { lat: self.lat, lon: self.lon }
    }
}

const fn city(name: &'static str, lat: f64, lon: f64, weight: f64) -> City {
    City { name, lat, lon, weight }
}

const CITIES: [City; 42] = [
    city("New York", 40.71, -74.01, 18.0),
    city("Los Angeles", 34.05, -118.24, 12.0),
    city("Chicago", 41.88, -87.63, 8.0),
    city("Houston", 29.76, -95.37, 6.0),
    city("Miami", 25.76, -80.19, 5.0),
    city("Seattle", 47.61, -122.33, 4.0),
    city("Denver", 39.74, -104.99, 3.0),
    city("Toronto", 43.65, -79.38, 6.0),
    city("Vancouver", 49.28, -123.12, 3.0),
    city("Mexico City", 19.43, -99.13, 11.0),
    city("Bogotá", 4.71, -74.07, 6.0),
    city("Lima", -12.05, -77.04, 5.0),
    city("Santiago", -33.45, -70.67, 5.0),
    city("Buenos Aires", -34.60, -58.38, 9.0),
    city("São Paulo", -23.55, -46.63, 14.0),
    city("London", 51.51, -0.13, 12.0),
    city("Paris", 48.86, 2.35, 10.0),
    city("Madrid", 40.42, -3.70, 6.0),
    city("Milan", 45.46, 9.19, 5.0),
    city("Berlin", 52.52, 13.41, 5.0),
    city("Munich", 48.14, 11.58, 3.0),
    city("Warsaw", 52.23, 21.01, 3.0),
    city("Stockholm", 59.33, 18.07, 2.5),
    city("Athens", 37.98, 23.73, 3.0),
    city("Istanbul", 41.01, 28.98, 10.0),
    city("Cairo", 30.04, 31.24, 9.0),
    city("Lagos", 6.52, 3.38, 7.0),
    city("Nairobi", -1.29, 36.82, 3.0),
    city("Johannesburg", -26.20, 28.05, 5.0),
    city("Dubai", 25.20, 55.27, 4.0),
    city("Karachi", 24.86, 67.01, 6.0),
    city("Delhi", 28.61, 77.21, 14.0),
    city("Mumbai", 19.08, 72.88, 12.0),
    city("Bangkok", 13.76, 100.50, 8.0),
    city("Singapore", 1.35, 103.82, 5.0),
    city("Jakarta", -6.21, 106.85, 12.0),
    city("Manila", 14.60, 120.98, 9.0),
    city("Hong Kong", 22.32, 114.17, 6.0),
    city("Seoul", 37.57, 126.98, 12.0),
    city("Tokyo", 35.68, 139.69, 18.0),
    city("Sydney", -33.87, 151.21, 5.0),
    city("Auckland", -36.85, 174.76, 2.0),
];

const SOUTHERN_TABLE: [Row; EDGES] = [
    ("akl", "Auckland", "NZ", "OC", -37.01, 174.79, 500),
    ("bog", "Bogotá", "CO", "SA", 4.70, -74.15, 500),
    ("cgk", "Jakarta", "ID", "AS", -6.13, 106.66, 1_000),
    ("cmb", "Colombo", "LK", "AS", 7.18, 79.88, 500),
    ("cpt", "Cape Town", "ZA", "AF", -33.97, 18.60, 500),
    ("dac", "Dhaka", "BD", "AS", 23.84, 90.40, 500),
    ("eze", "Buenos Aires", "AR", "SA", -34.82, -58.54, 1_000),
    ("gru", "São Paulo", "BR", "SA", -23.44, -46.47, 1_000),
    ("jnb", "Johannesburg", "ZA", "AF", -26.14, 28.25, 500),
    ("lim", "Lima", "PE", "SA", -12.02, -77.11, 500),
    ("los", "Lagos", "NG", "AF", 6.58, 3.32, 500),
    ("maa", "Chennai", "IN", "AS", 12.99, 80.17, 1_000),
    ("mel", "Melbourne", "AU", "OC", -37.67, 144.84, 1_000),
    ("mnl", "Manila", "PH", "AS", 14.51, 121.02, 1_000),
    ("mru", "Mauritius", "MU", "AF", -20.43, 57.68, 250),
    ("nan", "Nadi", "FJ", "OC", -17.76, 177.44, 250),
    ("nbo", "Nairobi", "KE", "AF", -1.32, 36.93, 500),
    ("per", "Perth", "AU", "OC", -31.94, 115.97, 500),
    ("sin", "Singapore", "SG", "AS", 1.36, 103.99, 2_000),
    ("syd", "Sydney", "AU", "OC", -33.95, 151.18, 1_000),
];

const SOUTHERN_CITIES: [City; 32] = [
    city("Sydney", -33.87, 151.21, 5.0),
    city("Melbourne", -37.81, 144.96, 5.0),
    city("Brisbane", -27.47, 153.03, 2.5),
    city("Adelaide", -34.93, 138.60, 1.4),
    city("Darwin", -12.46, 130.84, 0.3),
    city("Auckland", -36.85, 174.76, 1.7),
    city("Christchurch", -43.53, 172.63, 0.4),
    city("Port Moresby", -9.44, 147.18, 0.4),
    city("Papeete", -17.54, -149.57, 0.2),
    city("Honolulu", 21.31, -157.86, 0.9),
    city("Jakarta", -6.21, 106.85, 12.0),
    city("Surabaya", -7.26, 112.75, 3.0),
    city("Makassar", -5.15, 119.43, 1.5),
    city("Manila", 14.60, 120.98, 9.0),
    city("Cebu", 10.32, 123.89, 1.5),
    city("Ho Chi Minh City", 10.82, 106.63, 8.0),
    city("Bangkok", 13.76, 100.50, 8.0),
    city("Yangon", 16.87, 96.20, 3.0),
    city("Dhaka", 23.81, 90.41, 9.0),
    city("Chennai", 13.08, 80.27, 7.0),
    city("Colombo", 6.93, 79.86, 2.0),
    city("Addis Ababa", 9.03, 38.74, 2.5),
    city("Nairobi", -1.29, 36.82, 4.0),
    city("Kinshasa", -4.44, 15.27, 4.0),
    city("Lagos", 6.52, 3.38, 8.0),
    city("Luanda", -8.84, 13.23, 2.5),
    city("Johannesburg", -26.20, 28.05, 6.0),
    city("Antananarivo", -18.88, 47.51, 1.0),
    city("São Paulo", -23.55, -46.63, 14.0),
    city("Manaus", -3.12, -60.02, 1.5),
    city("Buenos Aires", -34.60, -58.38, 9.0),
    city("Lima", -12.05, -77.04, 6.0),
];

impl Geography {
    /// All edges, active.
    pub fn edges(&self) -> Result<Vec<Edge>> {
        edges_of(&self.table)
    }
}

/// The seeded edges.
pub fn edges() -> Result<Vec<Edge>> {
    WORLD.edges()
}

fn edges_of(table: &[Row]) -> Result<Vec<Edge>> {
    table
        .iter()
        .map(|(id, city, country, continent, lat, lon, capacity_mbps)| {
            Ok(Edge {
                id: Name::parse(id).ok_or("an edge's id is no name")?,
                name: (*city).to_owned(),
                city: (*city).to_owned(),
                country: (*country).to_owned(),
                continent: (*continent).to_owned(),
                lat: *lat,
                lon: *lon,
                colo: id.to_uppercase(),
                url: None,
                capacity_mbps: *capacity_mbps,
                status: Status::Active,
                region: None,
                updated_at: EpochMs(0),
            })
        })
        .collect()
}
