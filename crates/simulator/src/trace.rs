//! The workload of a simulated day: accounts and their uploads.

use super::chance::Chance;
use super::character::Character;
use super::truth::{DAY_MS, MINUTE_MS, busy, spans};

use jettyspeed_edge::edges::location::Location;

/// Number of accounts.
const ACCOUNTS: usize = 2_000;
/// Factor by which a city's upload rate grows during a crowd.
const CROWD: f64 = 15.0;
/// Smallest and largest file, MB.
const SIZES_MB: (f64, f64) = (20.0, 2_000.0);

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Id.
    pub id: String,
    /// City: index into the geography's.
    pub city: usize,
    /// Its location.
    pub place: Location,
    /// Uplink rate of its access line, Mbit/s.
    pub uplink_mbps: f64,
    /// Round-trip time of its access line, ms.
    pub last_mile_ms: f64,
}

/// An upload.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    /// Start time, ms.
    pub at: u64,
    /// Account index.
    pub account: usize,
    /// File size, MB.
    pub megabytes: f64,
    /// Random value 0..1 that decides which of its attempts fail at edges that refuse some.
    pub fate: f64,
}

/// All accounts, and `count` uploads of one day in order of time.
pub fn trace(character: &Character, count: usize) -> (Vec<Account>, Vec<Upload>) {
    let mut chance = Chance::of(character.name, "accounts");
    let (cities, access) = (character.geography.cities, &character.access);
    let weights: Vec<f64> = cities.iter().map(|city| city.weight).collect();
    let accounts: Vec<Account> = (0..ACCOUNTS)
        .filter_map(|index| {
            // The first accounts cover every city.
            let city = if index < 3 * cities.len() { index % cities.len() } else { chance.pick(&weights) };
            Some(Account {
                id: format!("account-{index}"),
                city,
                place: cities.get(city)?.place(),
                uplink_mbps: chance.lognormal(access.uplink_mbps.0, access.uplink_mbps.1),
                last_mile_ms: chance.lognormal(access.last_mile_ms.0, access.last_mile_ms.1),
            })
        })
        .collect();
    let by_city: Vec<Vec<usize>> = (0..cities.len())
        .map(|city| (0..ACCOUNTS).filter(|index| accounts.get(*index).is_some_and(|account| account.city == city)).collect())
        .collect();
    let minutes = minutes(character, &weights, &mut Chance::of(character.name, "crowds"));
    let totals: Vec<f64> = minutes.iter().map(|cities| cities.iter().sum()).collect();
    let mut chance = Chance::of(character.name, "uploads");
    let mut uploads: Vec<Upload> = spread(&totals, count)
        .into_iter()
        .filter_map(|minute| {
            let members = by_city.get(chance.pick(minutes.get(minute)?))?;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let at = ((minute as f64 + chance.unit()) * MINUTE_MS) as u64;
            Some(Upload {
                at,
                account: *members.get(chance.below(members.len()))?,
                megabytes: chance.lognormal(120.0, 1.0).clamp(SIZES_MB.0, SIZES_MB.1),
                fate: chance.unit(),
            })
        })
        .collect();
    uploads.sort_by_key(|upload| upload.at);
    (accounts, uploads)
}

/// Relative upload rate of each city for each minute of the day.
fn minutes(character: &Character, weights: &[f64], chance: &mut Chance) -> Vec<Vec<f64>> {
    let crowds: Vec<(usize, u64, u64)> = spans(character.crowds, chance).into_iter().map(|(from, to)| (chance.pick(weights), from, to)).collect();
    let all_day = usize::try_from(DAY_MS / 60_000).unwrap_or_default();
    (0..all_day)
        .map(|minute| {
            let at = minute as u64 * 60_000;
            let of = |(index, city): (usize, &super::places::City)| {
                let crowd = crowds.iter().any(|(crowded, from, to)| *crowded == index && (*from..*to).contains(&at));
                city.weight * (character.night + (1.0 - character.night) * busy(city.lon + 60.0, at)) * if crowd { CROWD } else { 1.0 }
            };
            character.geography.cities.iter().enumerate().map(of).collect()
        })
        .collect()
}

/// `count` indices into `weights`, ascending, in proportion to the weights.
fn spread(weights: &[f64], count: usize) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let (mut indices, mut sum) = (Vec::with_capacity(count), 0.0);
    for (index, weight) in weights.iter().enumerate() {
        sum += weight;
        while indices.len() < count && (indices.len() as f64 + 0.5) / count as f64 <= sum / total {
            indices.push(index);
        }
    }
    indices
}
