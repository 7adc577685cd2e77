//! Vars and secrets, read once per isolate into typed values. What is missing or malformed is named, all of it at once, never shown.

use crate::auth::webhook_signature;
use crate::base::aead::Vault;
use crate::base::hmac::{MacKey, SecretText};
use crate::base::units::MB;
use crate::chunking::{MIN_PART_BYTES, PlanLimits};
use crate::ledger::cost::Prices;
use crate::s3::request::{Location, Store};
use crate::s3::sigv4::signer::Signer;

/// How loud the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Defects and outages.
    Error,
    /// And what an operator should look at.
    Warn,
    /// And one line per request.
    Info,
    /// And the steps.
    Debug,
}

/// Everything this deployment is told (SPEC section 11).
#[derive(Debug)]
pub struct Config {
    /// The bucket and the key to sign for it.
    pub store: Store,
    /// The bucket's name.
    pub bucket: String,
    /// Bounds of the chunk planner.
    pub plan: PlanLimits,
    /// `REPLAY_MAX_BYTES`: the largest part that may be held so that it can be sent again; 0 holds none.
    pub replay_max_bytes: u64,
    /// Seconds after its last activity at which an upload expires.
    pub session_ttl_seconds: u64,
    /// `SESSION_TOMBSTONE_SECONDS`: how long an upload that has ended is still known.
    pub session_tombstone_seconds: u64,
    /// `JETTYSPEED_ENABLED`: the roll-back switch of sessions.
    pub sessions_enabled: bool,
    /// Token keys: the first signs, all verify.
    pub token_keys: Vec<MacKey>,
    /// `ADMIN_TOKEN`
    pub admin_token: SecretText,
    /// `WEBHOOK_SECRETS`: each signs and is a bearer secret.
    pub webhook_secrets: Vec<webhook_signature::Secret>,
    /// `CREDENTIAL_KEY`: encrypts what is kept of secrets.
    pub vault: Vault,
    /// `DEDUP_USD_PER_GB`: what a GB that need not be stored again saves.
    pub dedup_usd_per_gb: f64,
    /// `SWEEP_AGE_SECONDS`: how old an upload that no session owns must be to be aborted.
    pub sweep_age_seconds: u64,
    /// `EDGE_METRICS_SECONDS`: how often what is measured of edges is published, and looked up.
    pub edge_metrics_seconds: u64,
    /// `DELETE_GRACE_SECONDS`: how long bytes that nothing references stay.
    pub delete_grace_seconds: u64,
    /// `ORIGIN_USD_PER_GB`, `STORAGE_USD_PER_GB_MONTH`
    pub prices: Prices,
    /// `RATE_LIMIT_MAX_REQUESTS`: unauthenticated calls per window and address.
    pub guard_requests: u64,
    /// `RATE_LIMIT_WINDOW_MS`
    pub guard_window_ms: u64,
    /// Origins that browsers may call the API from; `*` allows all.
    pub cors_origins: Vec<String>,
    /// See [`LogLevel`].
    pub log_level: LogLevel,
}

/// The fewest characters of a secret of ours: 128 bits even in hex.
const MIN_SECRET: usize = 32;

impl Config {
    /// Reads the values through `get`. Err holds the names of those that are missing or malformed.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Config, Vec<&'static str>> {
        let mut bad: Vec<&'static str> = Vec::new();
        let mut value = |name: &'static str, default: &str, accept: &dyn Fn(&str) -> bool| -> String {
            let text = get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            let text = text.unwrap_or_else(|| default.to_owned());
            if !accept(&text) {
                bad.push(name);
            }
            text
        };
        let any = |text: &str| !text.is_empty();
        let secret = |text: &str| text.len() >= MIN_SECRET;
        let secrets = |text: &str| !text.is_empty() && text.split(',').all(|key| key.trim().len() >= MIN_SECRET);
        let number = |text: &str| text.parse::<u64>().is_ok_and(|n| n > 0);
        let flag = |text: &str| matches!(text, "true" | "false");

        let endpoint = value("LYVE_ENDPOINT", "https://s3.lyvecloud.seagate.com", &|text| Location::parse(text, "bucket").is_some());
        let bucket = value("LYVE_BUCKET_NAME", "agentcache-assets", &|text| Location::parse("https://host", text).is_some());
        let region = value("LYVE_REGION", "us-east-1", &|text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        let access_key_id = value("LYVE_ACCESS_KEY_ID", "", &any);
        let secret_key = value("LYVE_SECRET_ACCESS_KEY", "", &any);
        let token_keys = value("TOKEN_KEYS", "", &secrets);
        let admin_token = value("ADMIN_TOKEN", "", &secret);
        let credential_key = value("CREDENTIAL_KEY", "", &secret);
        let webhook_secrets =
            value("WEBHOOK_SECRETS", "", &|text| secrets(text) && text.split(',').all(|key| webhook_signature::Secret::parse(key.trim()).is_some()));
        let max_part = value("MAX_PART_BYTES", "100000000", &|text| text.parse::<u64>().is_ok_and(|n| n >= MIN_PART_BYTES));
        let replay_max = value("REPLAY_MAX_BYTES", "12000000", &|text| text.parse::<u64>().is_ok());
        let chunk_mb = value("JETTYSPEED_CHUNK_SIZE_MB", "10", &number);
        let threads = value("JETTYSPEED_MAX_THREADS", "32", &|text| text.parse::<u32>().is_ok_and(|n| (1..=256).contains(&n)));
        let ttl = value("SESSION_TTL_SECONDS", "604800", &number);
        let tombstone = value("SESSION_TOMBSTONE_SECONDS", "2592000", &number);
        let enabled = value("JETTYSPEED_ENABLED", "true", &flag);
        let price = |text: &str| text.parse::<f64>().is_ok_and(|n| n.is_finite() && n >= 0.0);
        let origin_price = value("ORIGIN_USD_PER_GB", "0.02", &price);
        let storage_price = value("STORAGE_USD_PER_GB_MONTH", "0.007", &price);
        let dedup_price = value("DEDUP_USD_PER_GB", "0.10", &price);
        let sweep_age = value("SWEEP_AGE_SECONDS", "86400", &number);
        let metrics = value("EDGE_METRICS_SECONDS", "15", &|text| text.parse::<u64>().is_ok_and(|n| (1..=15).contains(&n)));
        let grace = value("DELETE_GRACE_SECONDS", "86400", &|text| text.parse::<u64>().is_ok());
        let guard_requests = value("RATE_LIMIT_MAX_REQUESTS", "100", &number);
        let guard_window = value("RATE_LIMIT_WINDOW_MS", "60000", &number);
        let cors = value("CORS_ORIGINS", "*", &any);
        let level = value("LOG_LEVEL", "warn", &|text| matches!(text, "error" | "warn" | "info" | "debug"));

        let (Some(location), true) = (Location::parse(&endpoint, &bucket), bad.is_empty()) else {
            return Err(bad);
        };
        Ok(Config {
            store: Store::new(location, Signer::new(&access_key_id, &secret_key, &region, "s3")),
            bucket,
            plan: PlanLimits {
                max_part_bytes: max_part.parse().unwrap_or(100 * MB),
                smallest_chunk: chunk_mb.parse::<u64>().unwrap_or(10).saturating_mul(MB),
                max_threads: threads.parse().unwrap_or(32),
            },
            replay_max_bytes: replay_max.parse().unwrap_or_default(),
            session_ttl_seconds: ttl.parse().unwrap_or(604_800),
            session_tombstone_seconds: tombstone.parse().unwrap_or(2_592_000),
            sessions_enabled: enabled == "true",
            token_keys: token_keys.split(',').map(|key| MacKey::new(key.trim().as_bytes())).collect(),
            admin_token: SecretText::new(&admin_token),
            webhook_secrets: webhook_secrets.split(',').filter_map(|key| webhook_signature::Secret::parse(key.trim())).collect(),
            vault: Vault::new(&credential_key),
            prices: Prices { storage_gb_month: storage_price.parse().unwrap_or_default(), origin_gb: origin_price.parse().unwrap_or_default() },
            dedup_usd_per_gb: dedup_price.parse().unwrap_or_default(),
            sweep_age_seconds: sweep_age.parse().unwrap_or(86_400),
            edge_metrics_seconds: metrics.parse().unwrap_or(15),
            delete_grace_seconds: grace.parse().unwrap_or(86_400),
            guard_requests: guard_requests.parse().unwrap_or(100),
            guard_window_ms: guard_window.parse().unwrap_or(60_000),
            cors_origins: cors.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect(),
            log_level: match level.as_str() {
                "error" => LogLevel::Error,
                "info" => LogLevel::Info,
                "debug" => LogLevel::Debug,
                _ => LogLevel::Warn,
            },
        })
    }

    /// Whether `token` is the operator's; takes the same time wherever it differs.
    pub fn is_operator(&self, token: &str) -> bool {
        self.admin_token.is(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str) -> Option<String> {
        let value = match name {
            "LYVE_ACCESS_KEY_ID" => "AK",
            "LYVE_SECRET_ACCESS_KEY" => "a-very-secret-secret",
            "TOKEN_KEYS" => "0123456789abcdef0123456789abcdef, fedcba9876543210fedcba9876543210",
            "ADMIN_TOKEN" | "CREDENTIAL_KEY" => "0123456789abcdef0123456789abcdef",
            "WEBHOOK_SECRETS" => "whsec_0123456789abcdef0123456789abcdef",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn defaults_hold_and_secrets_stay_hidden() {
        let config = Config::read(good).unwrap();
        assert_eq!(config.plan.max_part_bytes, 100 * MB);
        assert_eq!(config.token_keys.len(), 2);
        assert!(config.is_operator("0123456789abcdef0123456789abcdef"));
        assert!(!config.is_operator("0123456789abcdef0123456789abcdeF"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret-secret") && !shown.contains("0123456789abcdef"), "{shown}");
    }

    #[test]
    fn every_bad_value_is_named_at_once() {
        assert_eq!(
            Config::read(|_| None).err(),
            Some(vec!["LYVE_ACCESS_KEY_ID", "LYVE_SECRET_ACCESS_KEY", "TOKEN_KEYS", "ADMIN_TOKEN", "CREDENTIAL_KEY", "WEBHOOK_SECRETS"])
        );
        for (name, value) in [
            ("LYVE_ENDPOINT", "s3.example.com"),
            ("LYVE_BUCKET_NAME", "A"),
            ("LYVE_REGION", "us east"),
            ("MAX_PART_BYTES", "1000"),
            ("JETTYSPEED_MAX_THREADS", "0"),
            ("SESSION_TTL_SECONDS", "-1"),
            ("SESSION_TOMBSTONE_SECONDS", "0"),
            ("JETTYSPEED_ENABLED", "yes"),
            ("LOG_LEVEL", "loud"),
            ("TOKEN_KEYS", "short"),
            ("WEBHOOK_SECRETS", "0123456789abcdef0123456789abcdef"),
            ("WEBHOOK_SECRETS", "whsec_not-base64-not-base64-not-base64-not"),
            ("RATE_LIMIT_MAX_REQUESTS", "0"),
            ("EDGE_METRICS_SECONDS", "16"),
            ("STORAGE_USD_PER_GB_MONTH", "-1"),
            ("STORAGE_USD_PER_GB_MONTH", "NaN"),
            ("ORIGIN_USD_PER_GB", "inf"),
            ("DEDUP_USD_PER_GB", "0,10"),
        ] {
            let got = Config::read(|asked| if asked == name { Some(value.to_owned()) } else { good(asked) });
            assert_eq!(got.err(), Some(vec![name]), "{name}={value}");
        }
    }
}
