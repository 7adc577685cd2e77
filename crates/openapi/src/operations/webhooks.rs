//! Outgoing webhooks.

use jettyspeed_edge::access::routes::Endpoint;
use jettyspeed_edge::webhooks::endpoint::{Create, Patch};
use serde_json::{Value, json};

use super::{ID, TIME};
use crate::errors::REPEATS;
use crate::operation::{Operation, Types};
use crate::schemas::{Deliveries, OneDelivery, OneWebhook, Webhooks};

const TAG: &str = "Webhooks";

fn webhook() -> Value {
    json!({
        "id": ID, "namespace": "films", "url": "https://receiver.example/hook", "events": ["upload.completed"], "oldSecretUntil": null, "createdAt": TIME,
        "updatedAt": TIME,
    })
}

fn delivery() -> Value {
    json!({
        "id": ID, "webhook": ID, "messageId": "msg_1", "event": "upload.completed", "status": "delivered", "attempts": 1, "nextAt": null, "triedAt": TIME,
        "responseStatus": 204, "response": "", "error": null, "createdAt": TIME,
        "payload": "{\"type\":\"webhook.test\",\"timestamp\":\"2026-11-20T04:06:23.120Z\",\"data\":{}}",
    })
}

/// Those of this area.
pub fn of(endpoint: Endpoint, types: &mut Types) -> Option<Operation> {
    let managed = |summary| Operation::new(TAG, summary).fails(&["manager-only"]);
    Some(match endpoint {
        Endpoint::CreateWebhook => managed("Add an endpoint")
            .takes::<Create>(types, json!({ "url": "https://receiver.example/hook", "events": ["upload.completed"] }))
            .answers::<OneWebhook>(types, 201, "The endpoint, with its secret.", json!({ "webhook": webhook() }))
            .fails(&["too-many-webhooks"])
            .fails(REPEATS),
        Endpoint::Webhooks => {
            managed("The endpoints of a namespace").answers::<Webhooks>(types, 200, "All of them.", json!({ "webhooks": [webhook()] }))
        }
        Endpoint::Webhook => managed("One endpoint").answers::<OneWebhook>(types, 200, "The endpoint.", json!({ "webhook": webhook() })),
        Endpoint::ChangeWebhook => managed("Change an endpoint, or its secret")
            .takes::<Patch>(types, json!({ "rotate": true }))
            .answers::<OneWebhook>(types, 200, "The endpoint; with its secret if that is new.", json!({ "webhook": webhook() })),
        Endpoint::DeleteWebhook => managed("Delete an endpoint").answers_nothing(204, "It is gone."),
        Endpoint::Deliveries => managed("What was sent to an endpoint").paged().answers::<Deliveries>(
            types,
            200,
            "A page.",
            json!({ "deliveries": [delivery()], "cursor": null }),
        ),
        Endpoint::ReplayDelivery => {
            managed("Send it again").answers::<OneDelivery>(types, 202, "It will be sent.", json!({ "delivery": delivery() }))
        }
        Endpoint::TestWebhook => managed("Send a test event")
            .answers::<OneDelivery>(types, 202, "It will be sent.", json!({ "delivery": delivery() }))
            .fails(&["too-many-webhooks"]),
        _ => return None,
    })
}
