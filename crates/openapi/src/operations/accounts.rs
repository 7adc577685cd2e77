//! Accounts and tiers.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::accounts::browser_session::SignedIn;
use jettyspeed_edge::accounts::deletion::State;
use jettyspeed_edge::accounts::moving::MoveRequest;
use jettyspeed_edge::accounts::overview::Overview;
use jettyspeed_edge::accounts::provisioning::{AccountPatch, OfUser, OwnRotation, Provision, Rotate, Upgrade};
use jettyspeed_edge::accounts::quota::QuotaView;
use jettyspeed_edge::accounts::statement::Statement;
use jettyspeed_edge::accounts::tier::{Tier, TierPatch};
use jettyspeed_edge::analytics::provisioning::Report as ProvisioningReport;
use jettyspeed_edge::auth::webhook_echo::Echo;
use serde_json::{Value, json};

use super::{HASH, ID, TIME};
use crate::errors::REPEATS;
use crate::operation::{Operation, Types};
use crate::schemas::{Accounts, BrowserSessions, Keys, MovedAccount, OneAccount, Provisioned, Rotated, Tiers};

const TAG: &str = "Accounts";

fn account(with_credentials: bool) -> Value {
    json!({
        "id": ID, "agentcache_user_id": "42", "api_key": with_credentials.then_some("jt_live_…"), "api_secret": with_credentials.then_some("jts_…"), "tier": "pro",
        "storage_quota_gb": 1_000, "bandwidth_quota_gb": 5_000, "jetty_speed_enabled": true, "s3_bucket_name": "agentcache-assets", "s3_prefix": "users/42/",
        "namespace": "jt_user_42", "status": "active",
    })
}

const BROWSER: &str = "Browser";

fn signed_in() -> Value {
    json!({ "id": ID, "kind": "account", "agentcache_user_id": "42", "tier": "pro", "namespace": "jt_user_42", "expires_at": TIME })
}

fn overview() -> Value {
    json!({
        "id": ID, "agentcache_user_id": "42", "agentcache_email": "user@example.com", "tier": "pro", "status": "active", "namespace": "jt_user_42",
        "storage_quota_bytes": 1_000_000_000, "storage_used_bytes": 5, "storage_reserved_bytes": 0, "bandwidth_used_bytes": 0, "objects": 1, "open_uploads": 0,
        "last_seen": TIME, "created_at": TIME, "deleting_since": null,
    })
}

fn tier() -> Value {
    json!({
        "tier": "pro", "rank": 2, "storage_quota_gb": 1_000, "bandwidth_quota_gb": 5_000, "jetty_speed_enabled": true, "requests_per_minute": 1_000,
        "max_file_mb": 100_000, "max_objects": 1_000_000, "max_open_uploads": 100,
    })
}

fn webhook(summary: &'static str) -> Operation {
    Operation::new(TAG, summary)
        .header("webhook-id", false, "The same id gets the first answer for 24 h.", json!({ "type": "string" }))
        .fails(&["not-found"])
        .fails(REPEATS)
}

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    let user = json!({ "agentcache_user_id": "42" });
    Some(match endpoint {
        Endpoint::Provision => webhook("Create an account, or raise its tier")
            .takes::<Provision>(types, json!({ "agentcache_user_id": "42", "agentcache_email": "user@example.com", "tier": "pro" }))
            .answers::<Provisioned>(types, 200, "The user has an account.", json!({ "account": account(true), "cached": true }))
            .answers::<Provisioned>(types, 201, "The account was created.", json!({ "account": account(true), "cached": false }))
            .fails(&["downgrade-refused", "already-exists", "too-many-objects"]),
        Endpoint::Upgrade => webhook("Move an account to another tier")
            .takes::<Upgrade>(types, json!({ "agentcache_user_id": "42", "tier": "pro" }))
            .answers::<OneAccount>(types, 200, "The account, without credentials.", json!({ "account": account(false) }))
            .fails(&["below-usage"]),
        Endpoint::Rotate => webhook("New credentials")
            .takes::<Rotate>(types, json!({ "agentcache_user_id": "42", "overlap_seconds": 3600 }))
            .answers::<Rotated>(types, 200, "The account with its new credentials.", json!({ "account": account(true), "old_credentials_expire_at": TIME })),
        Endpoint::Suspend => webhook("Switch an account off").takes::<OfUser>(types, user).answers::<OneAccount>(
            types,
            200,
            "The account, without credentials.",
            json!({ "account": account(false) }),
        ),
        Endpoint::Resume => webhook("Switch an account on again").takes::<OfUser>(types, user).answers::<OneAccount>(
            types,
            200,
            "The account, without credentials.",
            json!({ "account": account(false) }),
        ),
        Endpoint::EchoWebhook => Operation::new(TAG, "Did this call arrive as it was sent?")
            .takes_bytes("*/*")
            .answers::<Echo>(types, 200, "What arrived.", json!({ "bytes": 5, "sha256": HASH, "verified_by": "signature", "skew_seconds": 0 }))
            .fails(&["length-required", "body-too-large", "body-too-slow", "busy", "malformed-request"]),
        Endpoint::Quota => Operation::new(TAG, "What is used of what")
            .query("agentcache_user_id", false, "The user; required of the identity backend.", json!({ "type": "string" }))
            .answers::<QuotaView>(
                types,
                200,
                "The figures.",
                json!({
                    "tier": "pro", "period": "2026-11", "storage_quota_gb": 1, "storage_quota_bytes": 1_000_000_000, "storage_used_bytes": 5, "storage_used_gb": 0.0,
                    "storage_reserved_bytes": 0, "storage_remaining_bytes": 999_999_995, "storage_used_percent": 0.0, "bandwidth_quota_gb": 1,
                    "bandwidth_quota_bytes": 1_000_000_000, "bandwidth_used_bytes": 0, "bandwidth_used_gb": 0.0, "bandwidth_reserved_bytes": 0,
                    "bandwidth_remaining_bytes": 1_000_000_000, "bandwidth_used_percent": 0.0, "max_objects": 1_000_000, "objects_used": 1, "objects_reserved": 0,
                    "max_open_uploads": 100, "open_uploads": 0, "warning": null,
                }),
            )
            .fails(&["not-found"]),
        Endpoint::MoveAccount => Operation::new(TAG, "Move an account to another database")
            .takes::<MoveRequest>(types, json!({ "shard": 1 }))
            .answers::<MovedAccount>(types, 200, "It is there.", json!({ "agentcache_user_id": "42", "shard": 1, "moving": false }))
            .answers::<MovedAccount>(types, 202, "It is on its way.", json!({ "agentcache_user_id": "42", "shard": 0, "moving": true }))
            .fails(&["not-movable", "account-deleting"]),
        Endpoint::Accounts => Operation::new(TAG, "All accounts, by user id")
            .query("q", false, "Only those whose user id begins with it.", json!({ "type": "string" }))
            .paged()
            .answers::<Accounts>(types, 200, "A page.", json!({ "accounts": [overview()], "cursor": null })),
        Endpoint::AccountOverview => Operation::new(TAG, "One account").answers::<Overview>(types, 200, "The account.", overview()),
        Endpoint::DeleteAccount => Operation::new(TAG, "Delete an account with everything that it has")
            .answers::<State>(
                types,
                202,
                "It is suspended, and will be gone.",
                json!({ "id": ID, "agentcache_user_id": "42", "status": "deleting", "deleting_since": TIME, "gone_by": TIME }),
            )
            .fails(&["account-moving", "account-deleting"]),
        Endpoint::CreateAccount => Operation::new(TAG, "Create an account by hand, or raise its tier")
            .takes::<Provision>(types, json!({ "agentcache_user_id": "42", "agentcache_email": "user@example.com", "tier": "pro" }))
            .answers::<Provisioned>(types, 200, "The user has an account.", json!({ "account": account(true), "cached": true }))
            .answers::<Provisioned>(types, 201, "The account was created.", json!({ "account": account(true), "cached": false }))
            .fails(REPEATS)
            .fails(&["downgrade-refused", "already-exists", "too-many-objects"]),
        Endpoint::ChangeAccount => Operation::new(TAG, "Change an account's tier, suspend or resume it")
            .takes::<AccountPatch>(types, json!({ "tier": "pro", "status": "active" }))
            .answers::<OneAccount>(types, 200, "The account, without credentials.", json!({ "account": account(false) }))
            .fails(&["below-usage", "account-deleting"]),
        Endpoint::RotateAccount => Operation::new(TAG, "New credentials for an account")
            .takes::<OwnRotation>(types, json!({ "overlap_seconds": 3600 }))
            .answers::<Rotated>(types, 200, "The account with its new credentials.", json!({ "account": account(true), "old_credentials_expire_at": TIME }))
            .fails(&["account-deleting"]),
        Endpoint::RotateKey => Operation::new(TAG, "New credentials for the calling account")
            .takes::<OwnRotation>(types, json!({ "overlap_seconds": 3600 }))
            .answers::<Rotated>(types, 200, "The account with its new credentials.", json!({ "account": account(true), "old_credentials_expire_at": TIME }))
            .fails(&["account-deleting"]),
        Endpoint::Keys => Operation::new(TAG, "The account's keys").answers::<Keys>(
            types,
            200,
            "Newest first.",
            json!({ "keys": [{ "fingerprint": "0123456789ab", "created_at": TIME, "expires_at": null }] }),
        ),
        Endpoint::SignIn => Operation::new(BROWSER, "Exchange credentials for a cookie").answers::<SignedIn>(types, 201, "See `Set-Cookie`.", signed_in()),
        Endpoint::SignedIn => Operation::new(BROWSER, "Who is signed in").answers::<SignedIn>(types, 200, "The caller.", signed_in()),
        Endpoint::BrowserSessions => Operation::new(BROWSER, "Where the caller is signed in").answers::<BrowserSessions>(
            types,
            200,
            "Newest first, at most 20.",
            json!({ "sessions": [{
                "id": ID, "created_at": TIME, "expires_at": TIME, "user_agent": "Mozilla/5.0", "country": "DE", "is_current": true,
            }] }),
        ),
        Endpoint::SignOut => Operation::new(BROWSER, "End a session; `current` is the one that asks").answers_nothing(204, "It has ended.").fails(&["not-found"]),
        Endpoint::ProvisioningFigures => Operation::new("Analytics", "How calls of provisioning ended")
            .query("period", false, "`7d` by default.", json!({ "type": "string", "enum": ["24h", "7d", "30d"] }))
            .answers::<ProvisioningReport>(
                types,
                200,
                "The figures.",
                json!({
                    "period": "7d", "calls": 3, "created": 1, "cached": 1, "existing": 1, "repeated": 0, "refused": { "downgrade-refused": 1 }, "refused_total": 1,
                    "p50_ms": 20.0, "p95_ms": 50.0,
                }),
            ),
        Endpoint::Statement => Operation::new(TAG, "What a month cost")
            .query("period", false, "`YYYY-MM`, UTC; the current month by default.", json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" }))
            .query("agentcache_user_id", false, "The user; required of operators.", json!({ "type": "string" }))
            .answers::<Statement>(
                types,
                200,
                "The statement; also as `text/csv`.",
                json!({
                    "agentcache_user_id": "42", "period": "2026-11", "period_start": TIME, "period_end": TIME, "closed": false, "storage_bytes": 5,
                    "storage_gb_months": 0.0, "bandwidth_bytes": 5, "origin_bytes": 5, "request_count": 2, "storage_cost": 0.0, "bandwidth_cost": 0.0,
                    "total_cost": 0.0, "currency": "USD", "recorded_at": TIME, "closed_at": null,
                }),
            )
            .or_media("text/csv")
            .fails(&["not-found"]),
        Endpoint::Tiers => Operation::new("Tiers", "All tiers").answers::<Tiers>(types, 200, "Lowest rank first.", json!({ "tiers": [tier()] })),
        Endpoint::ChangeTier => Operation::new("Tiers", "Change a tier")
            .takes::<TierPatch>(types, json!({ "storage_quota_gb": 2_000 }))
            .answers::<Tier>(types, 200, "The tier.", tier()),
        _ => return None,
    })
}
