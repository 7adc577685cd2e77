//! Edges.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::edges::answers::MetricsView;
use jettyspeed_edge::edges::edge::Edge;
use jettyspeed_edge::edges::patch::Patch;
use jettyspeed_edge::edges::request::OptimalEdges;
use jettyspeed_edge::uploads::optimal::Optimal;
use serde_json::{Value, json};

use super::TIME;
use crate::errors::REPEATS;
use crate::operation::{Operation, Types};
use crate::schemas::{AdministeredEdge, CreateEdge};

const TAG: &str = "Edges";

fn edge() -> Value {
    json!({
        "id": "fra", "name": "Frankfurt", "city": "Frankfurt", "country": "DE", "continent": "EU", "lat": 50.03, "lon": 8.57, "colo": "FRA", "url": null,
        "capacityMbps": 10_000, "status": "active",
    })
}

fn administered() -> Value {
    let mut edge = edge();
    if let Some(edge) = edge.as_object_mut() {
        edge.insert("capacity_mbps".to_owned(), json!(10_000));
    }
    edge
}

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    let terms = json!({ "distance": 1.0, "latency": 0.9, "load": 1.0, "bandwidth": 0.8, "errors": 1.0,
        "weights": { "distance": 30, "latency": 25, "load": 20, "bandwidth": 15, "errors": 10 } });
    Some(match endpoint {
        Endpoint::OptimalEdges => Operation::new(TAG, "Rank edges and plan an upload")
            .takes::<OptimalEdges>(types, json!({ "fileName": "holiday.mp4", "fileSize": 20_971_520, "priority": "speed" }))
            .answers::<Optimal>(
                types,
                200,
                "The plan.",
                json!({
                    "edges": [{
                        "id": "fra", "name": "Frankfurt", "region": "EU", "url": "https://edge.example", "distanceKm": 12.0, "latencyMs": 9.0, "loadPercent": null,
                        "bandwidthMbps": 940.0, "errorRate": null, "score": 0.95, "terms": terms,
                    }],
                    "assignments": [{ "edge": "fra", "parts": [1, 2] }], "strategy": { "chunkSize": 10_485_760, "chunkCount": 2, "threads": 4 },
                    "duplicate": null, "mayBeStored": false, "storedChunks": [], "client": { "colo": "FRA", "country": "DE", "lat": 50.1, "lon": 8.7 },
                }),
            )
            .fails(&["not-found", "file-too-large"]),
        Endpoint::Edges => Operation::new(TAG, "The edges there are")
            .query("near", false, "`lat,lon` in degrees: sorts by distance.", json!({ "type": "string" }))
            .answers::<Vec<Edge>>(types, 200, "All edges.", json!([edge()])),
        Endpoint::EdgeMetrics => {
            let hour = json!({ "hour": TIME, "samples": 12, "failures": 0, "errorRate": 0.0, "bytes": 125_829_120, "mbps": 310.5, "latencyMs": 14.0 });
            Operation::new(TAG, "What was measured of an edge")
                .query("period", false, "`24h` by default.", json!({ "type": "string", "enum": ["24h", "7d", "30d"] }))
                .answers::<MetricsView>(
                    types,
                    200,
                    "The figures.",
                    json!({
                        "edge": "fra", "period": "24h", "total": hour, "series": [hour],
                        "now": { "latencyMs": 14.0, "bandwidthMbps": 310.5, "errorRate": 0.0, "loadPercent": 4.0, "confidence": 0.8 },
                    }),
                )
        }
        Endpoint::CreateEdge => Operation::new(TAG, "Add an edge")
            .takes::<CreateEdge>(
                types,
                json!({ "name": "Berlin", "city": "Berlin", "country": "DE", "continent": "EU", "lat": 52.5, "lon": 13.4, "colo": "BER", "capacityMbps": 5_000 }),
            )
            .answers::<AdministeredEdge>(types, 201, "The edge.", administered())
            .fails(&["already-exists"])
            .fails(REPEATS),
        Endpoint::ChangeEdge => Operation::new(TAG, "Change, drain or disable an edge")
            .takes::<Patch>(types, json!({ "status": "draining" }))
            .answers::<AdministeredEdge>(types, 200, "The edge.", administered())
            .fails(&["already-exists"]),
        Endpoint::DeleteEdge => Operation::new(TAG, "Delete an edge").answers_nothing(204, "It is gone."),
        _ => return None,
    })
}
