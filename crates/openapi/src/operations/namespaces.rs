//! Namespaces and their figures.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::analytics::report::Report;
use jettyspeed_edge::namespaces::namespace::NamespaceView;
use jettyspeed_edge::namespaces::patch::Patch;
use jettyspeed_edge::namespaces::role::Membership;
use serde_json::{Value, json};

use super::{ID, TIME};
use crate::errors::REPEATS;
use crate::operation::{Operation, Types};
use crate::schemas::{Alerts, CreateNamespace, NamespaceStats, NamespaceWithMembers, Namespaces, Purged};

const TAG: &str = "Namespaces";

fn namespace() -> Value {
    json!({
        "name": "films", "display_name": "Films", "tags": ["studio"], "cache_ttl": { "small": 86_400, "text": 3_600, "large": 604_800, "video": 86_400 },
        "features": { "jetty_speed_upload": true, "video_streaming": true, "desktop_cdn": true, "compress_text": false }, "chunk_size": null,
        "allow_unsigned": false, "cross_namespace_dedup": false, "origin_usd_per_gb": null, "expected_hit_rate": 90.0, "alerts": {"hit_rate": null, "p95_ms": null, "upload_failure_percent": null}, "created_at": TIME,
    })
}

fn analytics() -> Value {
    let class = json!({ "requests": 10, "hits": 9, "hit_rate": 90.0, "bytes": 1_000_000 });
    let mut totals = json!({
        "hit_rate": 90.0, "total_requests": 40, "cache_hits": 36, "bytes_from_cache": 3_600_000, "bytes_from_origin": 400_000, "avg_latency_ms": 12.0,
        "p50_latency_ms": 8.0, "p95_latency_ms": 40.0, "cost_saved_usd": 0.000_072, "statuses": { "2xx": 40, "3xx": 0, "4xx": 0, "5xx": 0 },
        "uploads": { "started": 3, "completed": 2, "failed": 1, "expired": 0, "reasons": { "client": 1 }, "p50_mbps": 210.0, "p95_mbps": 340.0 },
        "dedup": { "bytes_saved": 0, "usd_saved": 0.0 },
    });
    let previous = totals.clone();
    if let Some(fields) = totals.as_object_mut() {
        fields.extend(
            [
                ("period", json!("24h")),
                ("namespace", json!("films")),
                ("breakdown", json!({ "small_files": class, "text_files": class, "large_files": class, "video_streams": class })),
                ("by_edge", json!([{ "edge": "fra", "uploads": 2, "bytes": 20_971_520, "p50_mbps": 210.0, "errors": 0 }])),
                ("by_origin", json!([{ "country": "DE", "edge": "fra", "bytes": 20_971_520 }])),
                ("by_country", json!([{ "country": "DE", "requests": 40, "bytes": 4_000_000 }])),
                ("series", json!([{ "hour": TIME, "requests": 40, "hits": 36, "bytes_from_cache": 3_600_000, "bytes_from_origin": 400_000, "p95_latency_ms": 40.0, "uploads": 2,
                    "by_class": { "small_files": 30, "text_files": 4, "large_files": 0, "video_streams": 6 } }])),
                ("previous", previous),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
    }
    totals
}

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    Some(match endpoint {
        Endpoint::CreateNamespace => Operation::new(TAG, "Create a namespace")
            .takes::<CreateNamespace>(types, json!({ "name": "films", "display_name": "Films", "cache_ttl": { "video": 86_400 } }))
            .answers::<NamespaceView>(types, 201, "The namespace.", namespace())
            .fails(&["already-exists"])
            .fails(REPEATS),
        Endpoint::Namespaces => Operation::new(TAG, "The caller's namespaces; for an operator all").paged().answers::<Namespaces>(
            types,
            200,
            "A page.",
            json!({ "namespaces": [namespace()], "cursor": null }),
        ),
        Endpoint::Namespace => Operation::new(TAG, "One namespace").answers::<NamespaceWithMembers>(types, 200, "The namespace.", namespace()),
        Endpoint::ChangeNamespace => Operation::new(TAG, "Change a namespace")
            .takes::<Patch>(types, json!({ "cache_ttl": { "video": null } }))
            .answers::<NamespaceView>(types, 200, "The namespace.", namespace())
            .fails(&["operator-only", "manager-only"]),
        Endpoint::DeleteNamespace => Operation::new(TAG, "Delete a namespace").answers_nothing(204, "It is gone.").fails(&["namespace-in-use"]),
        Endpoint::NamespaceStats => Operation::new(TAG, "Delivery since the namespace exists").answers::<NamespaceStats>(
            types,
            200,
            "The figures.",
            json!({
                "hits": 36, "misses": 4, "hit_rate": 90.0, "hitRate": 90.0, "bytes_from_cache": 3_600_000, "bytes_from_origin": 400_000, "cost_saved_usd": 0.000_072,
                "costSaved": 0.000_072, "cmcd_requests": 0,
            }),
        ),
        Endpoint::Analytics => Operation::new("Analytics", "Figures of a period")
            .query("period", false, "`7d` by default.", json!({ "type": "string", "enum": ["24h", "7d", "30d"] }))
            .query("namespace", false, "All that the caller may see by default.", json!({ "type": "string" }))
            .answers::<Report>(types, 200, "The figures; as `text/csv` the series.", analytics())
            .or_media("text/csv"),
        Endpoint::Alerts => Operation::new("Analytics", "Alerts, newest first")
            .query("namespace", false, "All that the caller may see by default.", json!({ "type": "string" }))
            .query("open", false, "`true`: open ones; `false`: resolved ones.", json!({ "type": "string", "enum": ["true", "false"] }))
            .paged()
            .answers::<Alerts>(
                types,
                200,
                "A page.",
                json!({ "alerts": [{
                    "id": ID, "namespace": "films", "kind": "hit_rate", "hour": TIME, "value": 31.5, "threshold": 50.0, "rests_on": 812, "fired_at": TIME,
                    "resolved_at": null, "resolved_value": null,
                }], "cursor": null }),
            )
            .fails(&["not-found"]),
        Endpoint::PurgeNamespace => {
            Operation::new(TAG, "Empty a namespace's caches").answers::<Purged>(types, 200, "It is.", json!({ "namespace": "films", "generation": 2 }))
        }
        Endpoint::AddMember => {
            let mut operation = Operation::new(TAG, "Put an account into a namespace").takes::<Membership>(types, json!({ "role": "manager" }));
            operation.body_required = false;
            operation.answers_nothing(204, "It is a member.").fails(&["other-shard", "not-movable", "account-moving", "account-deleting"])
        }
        Endpoint::RemoveMember => Operation::new(TAG, "Take an account out of a namespace").answers_nothing(204, "It is none any more.").fails(&["namespace-in-use"]),
        _ => return None,
    })
}
