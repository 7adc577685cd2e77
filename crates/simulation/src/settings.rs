//! What is drawn for a history before it begins.

use jettyspeed_edge::config::Config;

use crate::administration::is_administered;
use crate::chance::{happens, pick, stream, weighted};
use crate::content::LARGE;
use crate::store::Dialect;

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    Calm,
    /// Two or three things at the most, so that a failing history is short.
    Few,
    /// One call in thirty.
    Rough,
    /// One call in eight.
    Storm,
}

/// The settings of a history.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How much goes wrong.
    pub weather: Weather,
    /// Of 100,000 calls of the port, at how many something goes wrong.
    pub rate: u32,
    /// How many things go wrong at the most.
    pub most: u32,
    /// Of 100 alarms, how many ring late.
    pub late_alarms: u32,
    /// Of 100 jobs, how many come again although they are done.
    pub duplicates: u32,
    /// By how many ms clocks differ from the true time at the most.
    pub skew_ms: u64,
    /// How many databases are bound.
    pub databases: usize,
    /// Whether reads of copies may be old.
    pub copies: bool,
    /// The store's manner.
    pub dialect: Dialect,
    /// From when until when the store refuses everything, ms after the beginning.
    pub outage: Option<(u64, u64)>,
    /// How long calls take: one of several distributions.
    pub pace: usize,
    /// Vars of the deployment.
    pub replay_max_bytes: u64,
    pub session_ttl_seconds: u64,
    pub tombstone_seconds: u64,
    pub grace_seconds: u64,
    pub sweep_age_seconds: u64,
    pub verify_step_bytes: u64,
    /// Storage quota, GB; files; open uploads of each account.
    pub quota: (u64, u64, u64),
    /// Whether namespaces share bytes with others.
    pub shares: bool,
    /// Whether parts may be sent without hashes.
    pub unsigned: bool,
    /// Whether only files of a few bytes are stored, whose hashes can be computed in steps.
    pub small: bool,
    /// Whether operators and the identity backend do something, and requests are admitted by ledgers.
    pub administered: bool,
    /// Whether namespaces have endpoints for their events.
    pub hooks: bool,
    /// Whether files get paths, of which several are the same. Not drawn, so that histories which once found a fault stay as they are.
    pub paths: bool,
    /// In which database new accounts are created.
    pub new_accounts: usize,
}

/// In one of thirty histories.
fn outage(seed: u64, is_calm: bool) -> Option<(u64, u64)> {
    let mut rng = stream(crate::chance::child(seed, 6));
    let begin = rng.u64(0..1_200_000);
    let length = pick(&mut rng, &[600_000, 1_500_000, 6_000_000]);
    (!is_calm && happens(&mut rng, 33)).then_some((begin, begin + length))
}

impl Settings {
    /// Those of a seed.
    pub fn draw(seed: u64) -> Settings {
        let mut rng = stream(crate::chance::child(seed, 1));
        let weather = weighted(&mut rng, &[(1, Weather::Calm), (8, Weather::Few), (4, Weather::Rough), (2, Weather::Storm)]);
        let (rate, most) = match weather {
            Weather::Calm => (0, 0),
            Weather::Few => (pick(&mut rng, &[700, 2_000, 5_000]), rng.u32(1..=3)),
            Weather::Rough => (3_300, 40),
            Weather::Storm => (12_500, 400),
        };
        let is_calm = weather == Weather::Calm;
        let small = happens(&mut rng, 150);
        let administered = is_administered(seed);
        let mut divided = stream(crate::chance::child(seed, 4));
        let is_divided = administered && happens(&mut divided, 300);
        Settings {
            weather,
            rate,
            most,
            late_alarms: if is_calm || weather == Weather::Few { 0 } else { pick(&mut rng, &[0, 5, 30]) },
            duplicates: if is_calm { 0 } else { pick(&mut rng, &[0, 5, 20]) },
            skew_ms: pick(&mut rng, &[0, 40, 3_000]),
            databases: if is_divided { 2 } else { 1 },
            copies: happens(&mut rng, 100),
            dialect: Dialect {
                verifies_hashes: !happens(&mut rng, 120),
                binds_presigned: !happens(&mut rng, 300),
                has_conditions: !happens(&mut rng, 100),
                strong_etags: true,
                page: pick(&mut rng, &[1_000, 1_000, 2]),
            },
            outage: outage(seed, is_calm),
            pace: rng.usize(0..3),
            replay_max_bytes: pick(&mut rng, &[12_000_000, 12_000_000, 0]),
            session_ttl_seconds: pick(&mut rng, &[7_200, 28_800, 100_000]),
            tombstone_seconds: pick(&mut rng, &[3_600, 40_000]),
            // Longer than a write of unknown end may take to appear.
            grace_seconds: pick(&mut rng, &[3_600, 20_000]),
            sweep_age_seconds: 86_400,
            verify_step_bytes: if small { 2 } else { 100 * LARGE },
            quota: (rng.u64(4..9), rng.u64(3..7), rng.u64(1..4)),
            shares: happens(&mut rng, 400),
            unsigned: happens(&mut rng, 300),
            small,
            administered,
            hooks: happens(&mut stream(crate::chance::child(seed, 7)), 300),
            paths: seed % 7 == 5,
            new_accounts: if is_divided { usize::from(happens(&mut divided, 500)) } else { 0 },
        }
    }

    /// The service's configuration.
    ///
    /// # Panics
    /// If a var is malformed.
    pub fn config(&self) -> Config {
        Config::read(|name| {
            let text = match name {
                "LYVE_ENDPOINT" => "https://store.example".to_owned(),
                "LYVE_BUCKET_NAME" => "bucket".to_owned(),
                "LYVE_ACCESS_KEY_ID" | "LYVE_SECRET_ACCESS_KEY" => "key".to_owned(),
                "TOKEN_KEYS" => "0123456789abcdef0123456789abcdef".to_owned(),
                "ADMIN_TOKEN" => "admin-0123456789abcdef0123456789".to_owned(),
                "CREDENTIAL_KEY" => "vault-0123456789abcdef0123456789".to_owned(),
                "WEBHOOK_SECRETS" => "webhook-0123456789abcdef01234567".to_owned(),
                "MAX_PART_BYTES" => LARGE.to_string(),
                "REPLAY_MAX_BYTES" => self.replay_max_bytes.to_string(),
                "SESSION_TTL_SECONDS" => self.session_ttl_seconds.to_string(),
                "SESSION_TOMBSTONE_SECONDS" => self.tombstone_seconds.to_string(),
                "DELETE_GRACE_SECONDS" => self.grace_seconds.to_string(),
                "SWEEP_AGE_SECONDS" => self.sweep_age_seconds.to_string(),
                "NEW_ACCOUNTS_SHARD" => self.new_accounts.to_string(),
                "VERIFY_STEP_BYTES" => self.verify_step_bytes.to_string(),
                _ => return None,
            };
            Some(text)
        })
        .unwrap_or_else(|names| panic!("vars: {names:?}"))
    }
}
