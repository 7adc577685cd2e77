//! Problems as responses: RFC 9457 JSON, and an HTML page that explains a code.

use serde_json::{Map, Value, json};

use crate::problem::catalogue::Kind;
use crate::problem::error::{OriginFailure, Problem};

/// After how many seconds an open upload may have ended, for want of anything better known.
const OPEN_UPLOAD_SECONDS: u32 = 10;

impl Problem {
    /// One sentence about this occurrence, safe to show to anyone.
    pub fn detail(&self) -> String {
        match self {
            Problem::MethodNotAllowed { allow } => format!("This path takes {allow}."),
            Problem::BodyTooLarge { limit, hint } => format!("The limit is {limit} bytes. {hint}").trim_end().to_owned(),
            Problem::FileTooLarge { limit, size } => format!("{size} bytes were asked for; at most {limit} fit."),
            Problem::Malformed { detail } => detail.clone(),
            Problem::LengthMismatch { expected, actual } => format!("The plan has {expected} bytes here, Content-Length says {actual}."),
            Problem::Invalid { field, detail } => format!("{field}: {detail}"),
            Problem::BadHeader { field, detail } => format!("{field}: {detail}"),
            Problem::WrongOffset { expected, provided } => format!("The offset is {expected}, the request begins at {provided}."),
            Problem::AppendType { wanted } => format!("Content-Type must be {wanted}."),
            Problem::ChunkTooSmall { least, most_parts } => {
                format!("chunkSize: must be at least {least} bytes for this file: no part but the last under 5 MiB, at most {most_parts} parts.")
            }
            Problem::PartOutsidePlan { chunk_count } => format!("This upload's parts are 1 to {chunk_count}."),
            Problem::NotMovable { reason } => format!("The account {reason}."),
            Problem::OtherShard { account, namespace } => format!("The account is in database {account}, the namespace in {namespace}."),
            Problem::TierForbids { tier, feature } => format!("Tier '{tier}' does not include {feature}."),
            Problem::FeatureOff { feature } => format!("The namespace has {feature} switched off."),
            Problem::StorageExceeded { limit, used, reserved, requested } => {
                format!("{requested} bytes do not fit: of {limit}, {used} are in use and {reserved} reserved by uploads.")
            }
            Problem::TooManyObjects { limit, used } => format!("{used} of {limit} files are stored or being stored."),
            Problem::TooManyUploads { limit, used } => format!("{used} of {limit} uploads are open."),
            Problem::BandwidthExceeded { limit, used, resets, .. } => {
                format!("{used} of {limit} bytes are used; the count begins anew at {}.", resets.rfc3339())
            }
            Problem::RateLimited { limit, retry_after } => format!("The limit is {limit}; try again in {retry_after} s."),
            Problem::Downgrade { current } => format!("The account's tier is '{current}'."),
            Problem::BelowUsage { resource, limit, used } => format!("{used} of {resource} are used, the tier has {limit}."),
            Problem::AlreadyExists { field } => format!("{field}: is taken."),
            Problem::OperatorOnly { field } => format!("{field}: can be changed by operators only."),
            Problem::PartsMissing { missing } => format!("{} parts are not there yet.", missing.len()),
            Problem::PathTaken { path, .. } => format!("A file has the path '{path}'."),
            Problem::UploadClosed { status } => format!("The upload is {status}."),
            Problem::EdgeClosed { status } => format!("The edge at this address is {status}."),
            Problem::TooManyWebhooks { limit } => format!("The limit is {limit}."),
            Problem::RangeNotSatisfiable { size } => format!("The object has {size} bytes."),
            Problem::Misconfigured { names } => format!("Missing or malformed: {}.", names.join(", ")),
            other => other.kind().about.to_owned(),
        }
    }

    /// Extension members (RFC 9457 section 3.2), so that clients need not parse `detail`.
    pub fn extensions(&self) -> Map<String, Value> {
        let value = match self {
            Problem::BodyTooLarge { limit, .. } => json!({ "limit": limit }),
            Problem::FileTooLarge { limit, size } => json!({ "limit": limit, "size": size }),
            Problem::LengthMismatch { expected, actual } => json!({ "expected": expected, "actual": actual }),
            Problem::Invalid { field, .. } => json!({ "field": field }),
            Problem::BadHeader { field, .. } => json!({ "field": field }),
            // The members of draft-ietf-httpbis-resumable-upload-11, section 7.
            Problem::WrongOffset { expected, provided } => json!({ "expected-offset": expected, "provided-offset": provided }),
            Problem::ChunkTooSmall { least, most_parts } => json!({ "field": "chunkSize", "minimum": least, "maxParts": most_parts }),
            Problem::PartOutsidePlan { chunk_count } => json!({ "limit": chunk_count }),
            Problem::TierForbids { tier, feature } => json!({ "tier": tier, "feature": feature }),
            Problem::FeatureOff { feature } => json!({ "feature": feature }),
            Problem::StorageExceeded { limit, used, reserved, requested } => {
                json!({ "limit": limit, "used": used, "reserved": reserved, "requested": requested })
            }
            Problem::TooManyObjects { limit, used } | Problem::TooManyUploads { limit, used } => json!({ "limit": limit, "used": used }),
            Problem::BandwidthExceeded { limit, used, resets, .. } => json!({ "limit": limit, "used": used, "resets": resets.rfc3339() }),
            Problem::RateLimited { limit, .. } | Problem::TooManyWebhooks { limit } => json!({ "limit": limit }),
            Problem::Downgrade { current } => json!({ "tier": current }),
            Problem::BelowUsage { resource, limit, used } => json!({ "resource": resource, "limit": limit, "used": used }),
            Problem::AlreadyExists { field } | Problem::OperatorOnly { field } => json!({ "field": field }),
            Problem::PlanMismatch { strategy } => json!({ "strategy": strategy }),
            Problem::OtherShard { account, namespace } => json!({ "accountShard": account, "namespaceShard": namespace }),
            Problem::PartsMissing { missing } => json!({ "missing": missing }),
            Problem::PartsDiffer { parts } => json!({ "parts": parts }),
            Problem::PathTaken { path, asset } => json!({ "path": path, "assetId": asset }),
            Problem::UploadClosed { status } => json!({ "uploadStatus": status }),
            Problem::EdgeClosed { status } => json!({ "edgeStatus": status }),
            Problem::RangeNotSatisfiable { size } => json!({ "size": size }),
            Problem::Misconfigured { names } => json!({ "names": names }),
            Problem::Origin(OriginFailure::AnswerLost) => json!({ "outcome": "unknown" }),
            _ => Value::Null,
        };
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Seconds after which a retry may succeed (`Retry-After`, RFC 9110 section 10.2.3); None where a retry cannot help.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Problem::Origin(OriginFailure::Unreachable | OriginFailure::Timeout)
            | Problem::RecordFailed
            | Problem::CacheBusy
            | Problem::CompletionRunning
            | Problem::UploadLocked
            | Problem::StillRunning => Some(1),
            Problem::RateLimited { retry_after, .. } | Problem::BandwidthExceeded { retry_after, .. } => Some(*retry_after),
            Problem::Origin(OriginFailure::Unavailable | OriginFailure::AnswerLost) | Problem::Busy => Some(2),
            Problem::TooManyUploads { .. } => Some(OPEN_UPLOAD_SECONDS),
            Problem::AccountMoving => Some(30),
            Problem::AccelerationOff | Problem::Misconfigured { .. } => Some(60),
            _ => None,
        }
    }

    /// The problem's `type`: registered ones are those of draft-ietf-httpbis-resumable-upload-11, section 7.
    fn type_uri(&self) -> String {
        let code = self.kind().code;
        match self {
            Problem::WrongOffset { .. } | Problem::InconsistentLength | Problem::CompletedUpload => {
                format!("https://iana.org/assignments/http-problem-types#{code}")
            }
            _ => format!("/problems/{code}"),
        }
    }

    /// The `application/problem+json` body (RFC 9457).
    pub fn to_json(&self, request_id: &str) -> Value {
        let kind = self.kind();
        let mut body = self.extensions();
        for (name, value) in [
            ("type", json!(self.type_uri())),
            ("title", json!(kind.title)),
            ("status", json!(kind.status)),
            ("detail", json!(self.detail())),
            ("code", json!(kind.code)),
            ("requestId", json!(request_id)),
        ] {
            body.insert(name.to_owned(), value);
        }
        if let Some(seconds) = self.retry_after() {
            body.insert("retryAfter".to_owned(), json!(seconds));
        }
        Value::Object(body)
    }
}

/// The HTML page that explains a problem.
pub fn page(kind: &Kind) -> String {
    let text = |text: &'static str| quick_xml::escape::escape(text);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }} body {{ max-width: 42rem; margin: 3rem auto; padding: 0 1rem }}</style>\n\
         <h1>{title}</h1>\n<p>{about}</p>\n<dl><dt>Code</dt><dd><code>{code}</code></dd><dt>HTTP status</dt><dd>{status}</dd></dl>\n\
         <p><a href=\"/docs/api.md\">API reference</a> · <a href=\"/\">JettySpeed edge</a></p>\n</html>\n",
        title = text(kind.title),
        about = text(kind.about),
        code = kind.code,
        status = kind.status,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::catalogue::{CATALOGUE, explain};

    #[test]
    fn values_of_a_problem_are_members_of_its_body() {
        let (limit, used) = (9, 8);
        for (problem, members) in [
            (Problem::BodyTooLarge { limit, hint: "" }, json!({ "limit": 9 })),
            (Problem::FileTooLarge { limit, size: 10 }, json!({ "limit": 9, "size": 10 })),
            (Problem::LengthMismatch { expected: 1, actual: 2 }, json!({ "expected": 1, "actual": 2 })),
            (Problem::invalid("name", ""), json!({ "field": "name" })),
            (Problem::ChunkTooSmall { least: 5, most_parts: 6 }, json!({ "field": "chunkSize", "minimum": 5, "maxParts": 6 })),
            (Problem::PartOutsidePlan { chunk_count: 3 }, json!({ "limit": 3 })),
            (Problem::TierForbids { tier: "free".to_owned(), feature: "x" }, json!({ "tier": "free", "feature": "x" })),
            (Problem::FeatureOff { feature: "x" }, json!({ "feature": "x" })),
            (Problem::StorageExceeded { limit, used, reserved: 7, requested: 6 }, json!({ "limit": 9, "used": 8, "reserved": 7, "requested": 6 })),
            (Problem::TooManyObjects { limit, used }, json!({ "limit": 9, "used": 8 })),
            (Problem::TooManyUploads { limit, used }, json!({ "limit": 9, "used": 8 })),
            (
                Problem::BandwidthExceeded { limit, used, resets: crate::base::time::EpochMs(0), retry_after: 1 },
                json!({ "limit": 9, "used": 8, "resets": "1970-01-01T00:00:00.000Z" }),
            ),
            (Problem::RateLimited { limit, retry_after: 1 }, json!({ "limit": 9 })),
            (Problem::Downgrade { current: "pro".to_owned() }, json!({ "tier": "pro" })),
            (Problem::BelowUsage { resource: "storage", limit, used }, json!({ "resource": "storage", "limit": 9, "used": 8 })),
            (Problem::AlreadyExists { field: "id" }, json!({ "field": "id" })),
            (Problem::OperatorOnly { field: "tags" }, json!({ "field": "tags" })),
            (Problem::PlanMismatch { strategy: json!(1) }, json!({ "strategy": 1 })),
            (Problem::OtherShard { account: 1, namespace: 0 }, json!({ "accountShard": 1, "namespaceShard": 0 })),
            (Problem::PartsMissing { missing: vec![2] }, json!({ "missing": [2] })),
            (Problem::PartsDiffer { parts: vec![3] }, json!({ "parts": [3] })),
            (Problem::RangeNotSatisfiable { size: 4 }, json!({ "size": 4 })),
            (Problem::Origin(OriginFailure::AnswerLost), json!({ "outcome": "unknown" })),
        ] {
            assert_eq!(Value::Object(problem.extensions()), members, "{problem:?}");
        }
    }

    #[test]
    fn retry_is_advised_where_it_can_help() {
        for (problem, seconds) in [
            (Problem::Origin(OriginFailure::Unreachable), Some(1)),
            (Problem::Origin(OriginFailure::Timeout), Some(1)),
            (Problem::RecordFailed, Some(1)),
            (Problem::CacheBusy, Some(1)),
            (Problem::CompletionRunning, Some(1)),
            (Problem::StillRunning, Some(1)),
            (Problem::RateLimited { limit: 1, retry_after: 7 }, Some(7)),
            (Problem::Origin(OriginFailure::AnswerLost), Some(2)),
            (Problem::Busy, Some(2)),
            (Problem::TooManyUploads { limit: 1, used: 1 }, Some(OPEN_UPLOAD_SECONDS)),
            (Problem::AccountMoving, Some(30)),
            (Problem::AccelerationOff, Some(60)),
            (Problem::Origin(OriginFailure::Credentials), None),
            (Problem::NotFound, None),
        ] {
            assert_eq!(problem.retry_after(), seconds, "{problem:?}");
        }
    }

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let mut codes: Vec<_> = CATALOGUE.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CATALOGUE.len());
        assert!(CATALOGUE.iter().all(|kind| (400..600).contains(&kind.status)));
    }

    #[test]
    fn parts_missing_becomes_json_with_code_status_and_request_id() {
        let body = Problem::PartsMissing { missing: vec![2, 5] }.to_json("r-1");
        assert_eq!(
            body.to_string(),
            r#"{"code":"parts-missing","detail":"2 parts are not there yet.","missing":[2,5],"requestId":"r-1","status":409,"title":"Parts are missing","type":"/problems/parts-missing"}"#
        );
    }

    #[test]
    fn origin_unavailable_has_retry_after_and_internal_has_no_extensions() {
        let body = Problem::Origin(OriginFailure::Unavailable).to_json("r");
        assert_eq!(body.get("retryAfter"), Some(&json!(2)));
        assert_eq!(Problem::Internal.extensions().len(), 0);
        assert_eq!(explain("origin-clock-skew").map(|kind| kind.status), Some(502));
    }

    #[test]
    fn problem_page_is_html_with_escaped_texts() {
        for kind in CATALOGUE {
            let page = page(kind);
            assert!(page.starts_with("<!doctype html>") && page.contains(kind.code) && page.contains(&kind.status.to_string()), "{}", kind.code);
        }
        let page = page(&Kind { code: "x", status: 400, title: "a < b", about: "<script>" });
        assert!(page.contains("a &lt; b") && !page.contains("<script>"));
    }
}
