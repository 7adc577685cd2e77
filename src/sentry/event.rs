//! A failure as an envelope with one event. It names nothing of a caller: no URL, header field, body, address or account.

use serde_json::{Value, json};

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::base::trace_context::TraceContext;

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The route as the table has it, or the kind of job.
    pub what: String,
    /// The problem's code.
    pub code: &'static str,
    /// HTTP status of the answer; none for a job.
    pub status: Option<u16>,
    /// HTTP method; none for a job.
    pub method: Option<String>,
    /// `X-Request-Id` of the answer, by which the log has it.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace: Option<TraceContext>,
}

/// The envelope of an event with that id. `untold`: failures before it that were not told.
pub fn envelope(failure: &Failure, id: Id, untold: u64, version: &str, now: EpochMs) -> String {
    let event_id = id.to_string().replace('-', "");
    let kind = if failure.status.is_some() { "request" } else { "job" };
    let mut event = json!({
        "event_id": event_id,
        "timestamp": now.rfc3339(),
        "platform": "other",
        "level": "error",
        "logger": kind,
        "release": format!("jettyspeed-edge@{version}"),
        "transaction": failure.what,
        "message": { "formatted": format!("{}: {}", failure.what, failure.code) },
        "fingerprint": [kind, failure.what, failure.code],
        "tags": tags(failure),
        "extra": { "untold": untold },
    });
    if let (Some(trace), Some(event)) = (failure.trace, event.as_object_mut()) {
        event.insert("contexts".to_owned(), json!({ "trace": { "trace_id": trace.trace_id(), "span_id": trace.step_id() } }));
    }
    let payload = event.to_string();
    let item = json!({ "type": "event", "content_type": "application/json", "length": payload.len() });
    format!("{}\n{item}\n{payload}\n", json!({ "event_id": event_id, "sent_at": now.rfc3339() }))
}

fn tags(failure: &Failure) -> Value {
    let given = [
        ("code", Some(failure.code.to_owned())),
        ("status", failure.status.map(|status| status.to_string())),
        ("method", failure.method.clone()),
        ("request_id", failure.request_id.clone()),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_has_three_lines_and_the_length_of_its_event() {
        let failure = Failure {
            what: "/api/storage/files/{id}".to_owned(),
            code: "internal",
            status: Some(500),
            method: Some("GET".to_owned()),
            request_id: Some("r1".to_owned()),
            trace: Some(TraceContext::begin([0x11; 16], [0x33; 8])),
        };
        let text = envelope(&failure, Id::from_random([0xab; 16]), 3, "1.2.3", EpochMs(1_796_014_800_000));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let [head, item, event] = [0, 1, 2].map(|line| serde_json::from_str::<Value>(lines[line]).unwrap());
        assert_eq!((&head["event_id"], &head["sent_at"]), (&event["event_id"], &json!("2026-11-30T05:00:00.000Z")));
        assert_eq!(event["event_id"].as_str().map(str::len), Some(32));
        assert_eq!((&item["type"], item["length"].as_u64()), (&json!("event"), Some(lines[2].len() as u64)));
        assert_eq!(event["tags"], json!({ "code": "internal", "status": "500", "method": "GET", "request_id": "r1" }));
        assert_eq!(event["contexts"]["trace"], json!({ "trace_id": "11".repeat(16), "span_id": "33".repeat(8) }));
        assert_eq!((&event["transaction"], &event["extra"]["untold"]), (&json!("/api/storage/files/{id}"), &json!(3)));
        for personal in ["user", "request", "server_name"] {
            assert!(event.get(personal).is_none(), "{personal}");
        }
    }

    #[test]
    fn job_has_no_status_and_no_method() {
        let failure = Failure { what: "verify".to_owned(), code: "origin-unavailable", status: None, method: None, request_id: None, trace: None };
        let text = envelope(&failure, Id::from_random([1; 16]), 0, "1", EpochMs(0));
        let event: Value = serde_json::from_str(text.lines().nth(2).unwrap()).unwrap();
        assert_eq!((&event["tags"], &event["logger"]), (&json!({ "code": "origin-unavailable" }), &json!("job")));
        assert!(event.get("contexts").is_none());
    }
}
