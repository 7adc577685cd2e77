//! Vars and secrets, read once per isolate into typed values. All missing or malformed ones are reported by name at once, never by value.

use jettyspeed_receipts::keys::SigningKey;

use crate::alerts::thresholds::Thresholds;
use crate::auth::webhook_signature;
use crate::base::aead::Vault;
use crate::base::hmac::{MacKey, SecretText};
use crate::base::shard::Shard;
use crate::base::units::MB;
use crate::chunking::{MIN_PART_BYTES, PlanLimits};
use crate::delivery::cache_place;
use crate::ledger::cost::Prices;
use crate::log;
use crate::log::LogLevel;
use crate::s3::request::{Location, Store};
use crate::s3::sigv4::signer::Signer;
use crate::sentry::dsn::Dsn;
use crate::webhooks::target::Targets;

/// Configuration of this deployment (docs/deploying.md, "Vars" and "Secrets").
#[derive(Debug)]
pub struct Config {
    /// The bucket and the credentials that sign requests to it.
    pub store: Store,
    /// The bucket's name.
    pub bucket: String,
    /// Bounds of the chunk planner.
    pub plan: PlanLimits,
    /// `REPLAY_MAX_BYTES`: largest part that is buffered so that it can be retried, bytes; 0 disables buffering.
    pub replay_max_bytes: u64,
    /// Inactivity after which a session expires, s.
    pub session_ttl_seconds: u64,
    /// `SESSION_TOMBSTONE_SECONDS`: how long the result of an ended session can be queried.
    pub session_tombstone_seconds: u64,
    /// `JETTYSPEED_ENABLED`: kill switch of upload sessions.
    pub sessions_enabled: bool,
    /// Token keys: the first one signs, all verify.
    pub token_keys: Vec<MacKey>,
    /// `ADMIN_TOKEN`: bearer token of the operator.
    pub admin_token: SecretText,
    /// `WEBHOOK_SECRETS` and its aliases: each is a bearer secret; those of the form `whsec_<base64>` are signing keys too.
    pub webhook_secrets: Vec<webhook_signature::Secret>,
    /// `CREDENTIAL_KEY`: encrypts stored secrets.
    pub vault: Vault,
    /// `RECEIPT_KEYS`: sign receipts of files, the first one signs; none: receipts are off.
    pub receipt_keys: Vec<SigningKey>,
    /// `WEBHOOK_TARGETS`: where events are sent to.
    pub webhook_targets: Targets,
    /// `DEDUP_USD_PER_GB`: saving per GB that deduplication avoids storing, US dollars.
    pub dedup_usd_per_gb: f64,
    /// `VERIFY_STEP_BYTES`: objects of more bytes are hashed in steps of that size, one per job.
    pub verify_step_bytes: u64,
    /// `VERIFY_MAX_ATTEMPTS`: attempts to verify an object that do not get on, after which none follows.
    pub verify_max_attempts: u64,
    /// `SWEEP_AGE_SECONDS`: age from which a multipart upload without a session is aborted.
    pub sweep_age_seconds: u64,
    /// `EDGE_METRICS_SECONDS`: interval at which edge measurements are published and read.
    pub edge_metrics_seconds: u64,
    /// `STATS_FLUSH_SECONDS`: least interval at which an isolate writes its delivery counters.
    pub stats_flush_seconds: u64,
    /// `POPULARITY_WINDOW_SECONDS`: the time in which hits of a file are counted, s; 0: no file counts as popular.
    pub popularity_window_seconds: u64,
    /// `NEW_ACCOUNTS_SHARD`: the database in which accounts are created.
    pub new_accounts_shard: Shard,
    /// `DELETE_GRACE_SECONDS`: how long unreferenced bytes are kept.
    pub delete_grace_seconds: u64,
    /// `ORIGIN_USD_PER_GB`, `STORAGE_USD_PER_GB_MONTH`.
    pub prices: Prices,
    /// `RATE_LIMIT_MAX_REQUESTS`: unauthenticated calls per window and address.
    pub guard_requests: u64,
    /// `RATE_LIMIT_WINDOW_MS`: that window, ms.
    pub guard_window_ms: u64,
    /// `PUBLIC_URL`: an address of this deployment, `https://host`; None: that of each request.
    pub public_url: Option<String>,
    /// `CACHE_CALLS_PER_REQUEST`: calls of the Cache API that content makes for one request.
    pub cache_calls: u32,
    /// `ALERT_HIT_RATE`, `ALERT_P95_MS`, `ALERT_UPLOAD_FAILURE_PERCENT`: bounds of figures, for namespaces without their own.
    pub alerts: Thresholds,
    /// `RESPONSE_CACHE_BYTES`: what an account may keep of models' responses.
    pub response_cache_bytes: u64,
    /// Origins from which browsers may call the API; `*` allows all.
    pub cors_origins: Vec<String>,
    /// `SENTRY_DSN`: the error tracker; None: failures are only logged.
    pub sentry: Option<Dsn>,
    /// See [`LogLevel`].
    pub log_level: LogLevel,
}

/// Aliases, read if the variable itself is not set.
const ALIASES: [(&str, &str); 2] = [("LYVE_ACCESS_KEY_ID", "LYVE_ACCESS_KEY"), ("LYVE_SECRET_ACCESS_KEY", "LYVE_SECRET_KEY")];

/// `CORS_ORIGINS` that allows all.
const ANY_ORIGIN: &str = "*";

/// The origins in `CORS_ORIGINS`; all of them if there is no such var. Read apart from the rest, because errors about the rest are for browsers, too.
pub fn cors_origins(given: Option<&str>) -> Vec<String> {
    origins(given.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(ANY_ORIGIN))
}

fn origins(text: &str) -> Vec<String> {
    text.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect()
}

/// Whether `text` is an origin as browsers send it: `https://host` or `https://host:port` (RFC 6454 section 6.2).
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'@' | b'*')))
}

/// Variables with secrets of webhook callers (comma-separated): our name and its aliases.
const WEBHOOK_SECRETS: [&str; 4] = ["WEBHOOK_SECRETS", "JETTYTHUNDER_WEBHOOK_SECRET", "AGENTCACHE_WEBHOOK_SECRET", "INTERNAL_WEBHOOK_SECRET"];

/// Minimum length of a secret, characters: 128 bits even in hex.
const MIN_SECRET: usize = 32;

impl Config {
    /// Reads the values through `get`. Err contains the names of those that are missing or malformed.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Config, Vec<&'static str>> {
        let mut bad: Vec<&'static str> = Vec::new();
        let mut value = |name: &'static str, default: &str, accept: &dyn Fn(&str) -> bool| -> String {
            let given = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            let alias = ALIASES.iter().find(|(own, _)| *own == name).and_then(|(_, alias)| given(alias));
            let text = given(name).or(alias).unwrap_or_else(|| default.to_owned());
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
        let seeds = |text: &str| text.is_empty() || text.split(',').all(|key| SigningKey::parse(key.trim()).is_some());
        let receipt_keys = value("RECEIPT_KEYS", "", &seeds);
        let webhook = |text: &str| text.split(',').all(|secret| webhook_signature::Secret::parse(secret.trim()).is_some());
        // Any of these will do; what is given must be well-formed.
        let given = WEBHOOK_SECRETS.map(|name| value(name, "", &|text| text.is_empty() || webhook(text)));
        let webhook_secrets = given.iter().filter(|text| !text.is_empty()).map(String::as_str).collect::<Vec<_>>().join(",");
        if webhook_secrets.is_empty() {
            value("WEBHOOK_SECRETS", "", &any);
        }
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
        let percent = |text: &str| text.parse::<f64>().is_ok_and(|n| (0.0..=100.0).contains(&n));
        let alert_hit_rate = value("ALERT_HIT_RATE", "50", &percent);
        let alert_p95 = value("ALERT_P95_MS", "100", &price);
        let alert_failures = value("ALERT_UPLOAD_FAILURE_PERCENT", "5", &percent);
        let verify_step = value("VERIFY_STEP_BYTES", "2000000000", &number);
        let verify_attempts = value("VERIFY_MAX_ATTEMPTS", "30", &number);
        let sweep_age = value("SWEEP_AGE_SECONDS", "86400", &number);
        let metrics = value("EDGE_METRICS_SECONDS", "15", &|text| text.parse::<u64>().is_ok_and(|n| (1..=15).contains(&n)));
        let stats_flush = value("STATS_FLUSH_SECONDS", "30", &|text| text.parse::<u64>().is_ok_and(|n| (1..=300).contains(&n)));
        let popularity = value("POPULARITY_WINDOW_SECONDS", "3600", &|text| text.parse::<u64>().is_ok_and(|n| n <= 86_400));
        let new_accounts = value("NEW_ACCOUNTS_SHARD", "0", &|text| text.parse().is_ok_and(|n| Shard::new(n).is_some()));
        let grace = value("DELETE_GRACE_SECONDS", "86400", &|text| text.parse::<u64>().is_ok());
        let guard_requests = value("RATE_LIMIT_MAX_REQUESTS", "100", &number);
        let guard_window = value("RATE_LIMIT_WINDOW_MS", "60000", &number);
        let public_url = value("PUBLIC_URL", "", &|text| text.is_empty() || is_origin(text));
        let cache_calls = value("CACHE_CALLS_PER_REQUEST", "900", &|text| text.parse::<u32>().is_ok_and(|n| (1..=900).contains(&n)));
        let cors = value("CORS_ORIGINS", ANY_ORIGIN, &|text| origins(text).iter().all(|origin| origin == ANY_ORIGIN || is_origin(origin)));
        let responses = value("RESPONSE_CACHE_BYTES", "1000000000", &|text| text.parse::<u64>().is_ok());
        let targets = value("WEBHOOK_TARGETS", "public", &|text| matches!(text, "public" | "any"));
        let sentry = value("SENTRY_DSN", "", &|text| text.is_empty() || Dsn::parse(text).is_some());
        let level = value("LOG_LEVEL", "info", &|text| log::level_of(text).is_some());

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
            receipt_keys: receipt_keys.split(',').filter_map(|key| SigningKey::parse(key.trim())).collect(),
            webhook_targets: if targets == "any" { Targets::Any } else { Targets::Public },
            prices: Prices { storage_gb_month: storage_price.parse().unwrap_or_default(), origin_gb: origin_price.parse().unwrap_or_default() },
            dedup_usd_per_gb: dedup_price.parse().unwrap_or_default(),
            verify_step_bytes: verify_step.parse().unwrap_or(2_000_000_000),
            verify_max_attempts: verify_attempts.parse().unwrap_or(30),
            sweep_age_seconds: sweep_age.parse().unwrap_or(86_400),
            edge_metrics_seconds: metrics.parse().unwrap_or(15),
            stats_flush_seconds: stats_flush.parse().unwrap_or(30),
            popularity_window_seconds: popularity.parse().unwrap_or(3_600),
            new_accounts_shard: new_accounts.parse().ok().and_then(Shard::new).unwrap_or_default(),
            delete_grace_seconds: grace.parse().unwrap_or(86_400),
            guard_requests: guard_requests.parse().unwrap_or(100),
            guard_window_ms: guard_window.parse().unwrap_or(60_000),
            public_url: Some(public_url).filter(|url| !url.is_empty()),
            cache_calls: cache_calls.parse().unwrap_or(cache_place::CALLS),
            alerts: Thresholds {
                hit_rate: alert_hit_rate.parse().unwrap_or(50.0),
                p95_ms: alert_p95.parse().unwrap_or(100.0),
                upload_failure_percent: alert_failures.parse().unwrap_or(5.0),
            },
            response_cache_bytes: responses.parse().unwrap_or(1_000_000_000),
            cors_origins: origins(&cors),
            sentry: Dsn::parse(&sentry),
            log_level: log::level_of(&level).unwrap_or(LogLevel::Info),
        })
    }

    /// Whether `token` is the operator's; compares in constant time.
    pub fn is_operator(&self, token: &str) -> bool {
        self.admin_token.is(token)
    }

    /// What browsers' sessions of operators are bound to, so that they end with the operator's token.
    pub fn operator_mark(&self) -> String {
        self.admin_token.mark(b"jettyspeed operator session\n")
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
    fn absent_vars_use_defaults_and_debug_hides_secrets() {
        let config = Config::read(good).unwrap();
        assert_eq!(config.plan.max_part_bytes, 100 * MB);
        assert_eq!(config.token_keys.len(), 2);
        assert!(config.is_operator("0123456789abcdef0123456789abcdef"));
        assert!(!config.is_operator("0123456789abcdef0123456789abcdeF"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret-secret") && !shown.contains("0123456789abcdef"), "{shown}");
    }

    /// Values that name their var in /api/health.
    const MALFORMED: &[(&str, &str)] = &[
        ("LYVE_ENDPOINT", "s3.example.com"),
        ("LYVE_BUCKET_NAME", "A"),
        ("LYVE_REGION", "us east"),
        ("MAX_PART_BYTES", "1000"),
        ("REPLAY_MAX_BYTES", "12 MB"),
        ("JETTYSPEED_MAX_THREADS", "0"),
        ("JETTYSPEED_CHUNK_SIZE_MB", "10.5"),
        ("SESSION_TTL_SECONDS", "-1"),
        ("SESSION_TOMBSTONE_SECONDS", "0"),
        ("JETTYSPEED_ENABLED", "yes"),
        ("LOG_LEVEL", "loud"),
        ("SENTRY_DSN", "https://sentry.example.com/42"),
        ("TOKEN_KEYS", "short"),
        ("ADMIN_TOKEN", "short"),
        ("CREDENTIAL_KEY", "short"),
        ("WEBHOOK_SECRETS", "0123456789abcdef0123456"),
        ("INTERNAL_WEBHOOK_SECRET", "short"),
        ("WEBHOOK_SECRETS", "whsec_not-base64-not-base64-not-base64-not"),
        ("RATE_LIMIT_MAX_REQUESTS", "0"),
        ("RATE_LIMIT_WINDOW_MS", "1m"),
        ("DELETE_GRACE_SECONDS", "-1"),
        ("SWEEP_AGE_SECONDS", "0"),
        ("VERIFY_STEP_BYTES", "0"),
        ("VERIFY_MAX_ATTEMPTS", "-1"),
        ("EDGE_METRICS_SECONDS", "16"),
        ("PUBLIC_URL", "edge.example.com"),
        ("CACHE_CALLS_PER_REQUEST", "901"),
        ("STATS_FLUSH_SECONDS", "301"),
        ("POPULARITY_WINDOW_SECONDS", "86401"),
        ("RESPONSE_CACHE_BYTES", "1 GB"),
        ("WEBHOOK_TARGETS", "private"),
        ("RECEIPT_KEYS", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=,short"),
        ("NEW_ACCOUNTS_SHARD", "100"),
        ("STORAGE_USD_PER_GB_MONTH", "-1"),
        ("STORAGE_USD_PER_GB_MONTH", "NaN"),
        ("ORIGIN_USD_PER_GB", "inf"),
        ("DEDUP_USD_PER_GB", "0,10"),
        ("ALERT_HIT_RATE", "101"),
        ("ALERT_P95_MS", "100 ms"),
        ("ALERT_UPLOAD_FAILURE_PERCENT", "-5"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com, https://*.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/path"),
    ];

    /// Other valid values than those in wrangler.toml.
    const OTHER: &[(&str, &str)] = &[
        ("LYVE_ENDPOINT", "https://s3.example.com"),
        ("LYVE_BUCKET_NAME", "other-bucket"),
        ("LYVE_REGION", "eu-west-1"),
        ("MAX_PART_BYTES", "50000000"),
        ("REPLAY_MAX_BYTES", "0"),
        ("JETTYSPEED_MAX_THREADS", "3"),
        ("JETTYSPEED_CHUNK_SIZE_MB", "7"),
        ("SESSION_TTL_SECONDS", "60"),
        ("SESSION_TOMBSTONE_SECONDS", "61"),
        ("JETTYSPEED_ENABLED", "false"),
        ("LOG_LEVEL", "debug"),
        ("RATE_LIMIT_MAX_REQUESTS", "7"),
        ("RATE_LIMIT_WINDOW_MS", "7000"),
        ("DELETE_GRACE_SECONDS", "0"),
        ("SWEEP_AGE_SECONDS", "62"),
        ("VERIFY_STEP_BYTES", "6000000"),
        ("VERIFY_MAX_ATTEMPTS", "3"),
        ("EDGE_METRICS_SECONDS", "1"),
        ("PUBLIC_URL", "https://edge.example.com"),
        ("CACHE_CALLS_PER_REQUEST", "50"),
        ("STATS_FLUSH_SECONDS", "3"),
        ("POPULARITY_WINDOW_SECONDS", "0"),
        ("RESPONSE_CACHE_BYTES", "0"),
        ("NEW_ACCOUNTS_SHARD", "1"),
        ("WEBHOOK_TARGETS", "any"),
        ("STORAGE_USD_PER_GB_MONTH", "0.5"),
        ("ORIGIN_USD_PER_GB", "0"),
        ("DEDUP_USD_PER_GB", "0.25"),
        ("ALERT_HIT_RATE", "70.5"),
        ("ALERT_P95_MS", "250"),
        ("ALERT_UPLOAD_FAILURE_PERCENT", "2"),
        ("CORS_ORIGINS", "https://app.example.com:8443/, http://localhost:3000"),
    ];

    /// What a configuration makes of its vars: all of its fields, and where and how a request to the store is signed.
    fn effect(config: &Config) -> String {
        let action = crate::s3::operations::abort_multipart_upload::abort_multipart_upload("key", "upload");
        format!("{config:?} {}", config.store.presign(&action, crate::base::time::EpochMs(0), 60).url)
    }

    #[test]
    fn every_var_of_wrangler_toml_has_an_effect_and_names_itself_if_malformed() {
        let (_, vars) = include_str!("../wrangler.toml").split_once("\n[vars]\n").unwrap();
        let shipped: Vec<(&str, &str)> = vars
            .lines()
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();
        assert!(shipped.len() >= 20, "{shipped:?}");
        let of_shipped = |name: &str| shipped.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let before = effect(&Config::read(|name| of_shipped(name).or_else(|| good(name))).unwrap());
        assert_eq!(before, effect(&Config::read(good).unwrap()), "the defaults are those of wrangler.toml");
        for (name, _) in &shipped {
            let (_, value) = OTHER.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}: give it another value in OTHER"));
            let changed = Config::read(|var| if var == *name { Some((*value).to_owned()) } else { of_shipped(var).or_else(|| good(var)) });
            assert_ne!(effect(&changed.unwrap()), before, "{name}={value} changes nothing");
            assert!(MALFORMED.iter().any(|(known, _)| known == name), "{name}: give it a value in MALFORMED");
        }
    }

    #[test]
    fn cors_origins_are_read_though_the_rest_is_missing() {
        assert_eq!(cors_origins(None), ["*"]);
        assert_eq!(cors_origins(Some(" ")), ["*"]);
        assert_eq!(cors_origins(Some("https://a.example/, https://b.example:1")), ["https://a.example", "https://b.example:1"]);
    }

    #[test]
    fn all_invalid_vars_are_reported_at_once() {
        assert_eq!(
            Config::read(|_| None).err(),
            Some(vec!["LYVE_ACCESS_KEY_ID", "LYVE_SECRET_ACCESS_KEY", "TOKEN_KEYS", "ADMIN_TOKEN", "CREDENTIAL_KEY", "WEBHOOK_SECRETS"])
        );
        for (name, value) in MALFORMED {
            let result = Config::read(|var| if var == *name { Some((*value).to_owned()) } else { good(var) });
            assert_eq!(result.err(), Some(vec![*name]), "{name}={value}");
        }
    }

    #[test]
    fn platform_names_are_read_where_ours_are_missing() {
        let renamed = |asked: &str| match asked {
            "LYVE_ACCESS_KEY" => good("LYVE_ACCESS_KEY_ID"),
            "LYVE_SECRET_KEY" => good("LYVE_SECRET_ACCESS_KEY"),
            "JETTYTHUNDER_WEBHOOK_SECRET" => Some("first-secret-of-24-chars".to_owned()),
            "INTERNAL_WEBHOOK_SECRET" => Some("other-secret-of-24-chars,whsec_0123456789abcdef0123456789abcdef".to_owned()),
            "LYVE_ACCESS_KEY_ID" | "LYVE_SECRET_ACCESS_KEY" | "WEBHOOK_SECRETS" => None,
            other => good(other),
        };
        let config = Config::read(renamed).unwrap();
        assert_eq!(config.webhook_secrets.len(), 3);
        for bearer in ["first-secret-of-24-chars", "other-secret-of-24-chars", "whsec_0123456789abcdef0123456789abcdef"] {
            assert!(webhook_signature::is_bearer(bearer, &config.webhook_secrets), "{bearer}");
        }
        let both = Config::read(|asked| renamed(asked).or_else(|| good(asked))).unwrap();
        assert_eq!(both.webhook_secrets.len(), 4, "all of them count");
    }
}
