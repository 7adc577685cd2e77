//! The document, put together from the route table and what is said of each route.

use std::collections::BTreeMap;

use jettyspeed_edge::access::authorize::AuthScheme;
use jettyspeed_edge::access::routes::{ROUTES, RateLimit, Route};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::operation::{Answer, Content, Operation, Types};
use crate::problems::{Problems, by_status};
use crate::{errors, headers, operations, problems};

/// The document.
pub fn build() -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = "/components/schemas".into();
        })
    };
    let mut types = Types { requests: settings().for_deserialize().into_generator(), answers: settings().for_serialize().into_generator() };
    let mut problems = Problems::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let operation = operations::of(route.endpoint, &mut types);
        let path = route.pattern.replace("*}", "}");
        paths.entry(path).or_default().insert(route.method.to_lowercase(), written(route, &operation, &mut problems));
    }
    let mut schemas = types.requests.take_definitions(true);
    for (name, schema) in types.answers.take_definitions(true) {
        let earlier = schemas.insert(name.clone(), schema.clone());
        assert!(earlier.is_none_or(|earlier| earlier == schema), "{name} differs between requests and answers: rename one");
    }
    schemas.insert("Problem".to_owned(), problems::schema().to_value());
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "JettySpeed edge",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Uploads to the nearest PoP into S3-compatible storage, and back out of cache.",
            "description": "What the fields mean beyond their schema, and the order in which a request is checked: docs/api.md. Every path also answers `OPTIONS` (204 with `Allow`), and `HEAD` where it answers `GET`. Unknown fields are ignored; an optional field that is null counts as absent.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": security_schemes(),
            "headers": headers::components(),
            "responses": problems.responses(),
            "schemas": schemas,
        },
    })
}

fn written(route: &Route, operation: &Operation, problems: &mut Problems) -> Value {
    let name = format!("{:?}{}", route.endpoint, suffix(route));
    let mut value = json!({
        "operationId": name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": security(route.scheme),
        "responses": responses(route, operation, problems),
    });
    let parameters = parameters(route, operation);
    if let (false, Some(value)) = (parameters.is_empty(), value.as_object_mut()) {
        value.insert("parameters".to_owned(), json!(parameters));
    }
    if let (false, Some(value)) = (operation.body.is_empty(), value.as_object_mut()) {
        value.insert("requestBody".to_owned(), json!({ "required": operation.body_required, "content": content(&operation.body) }));
    }
    value
}

/// Tells the routes of one endpoint apart.
fn suffix(route: &Route) -> String {
    let same: Vec<&Route> = ROUTES.iter().filter(|other| other.endpoint == route.endpoint).collect();
    match same.iter().position(|other| std::ptr::eq(*other, route)) {
        Some(0) | None => String::new(),
        Some(_) if route.method == "HEAD" => "Head".to_owned(),
        Some(index) => (index + 1).to_string(),
    }
}

fn parameters(route: &Route, operation: &Operation) -> Vec<Value> {
    let in_path = route.pattern.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(|name| {
        let (name, all) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
        let about = if all { "All that is left of the path: segments that are separated by slashes." } else { "One segment, percent-encoded." };
        json!({ "in": "path", "name": name, "required": true, "description": about, "schema": { "type": "string" } })
    });
    let others = operation.parameters.iter().map(|parameter| {
        json!({
            "in": parameter.place, "name": parameter.name, "required": parameter.required, "description": parameter.about, "schema": parameter.schema,
        })
    });
    in_path.chain(others).collect()
}

fn content(all: &[Content]) -> Map<String, Value> {
    let one = |content: &Content| {
        let mut value = json!({ "schema": content.schema });
        if let (Some(example), Some(value)) = (&content.example, value.as_object_mut()) {
            value.insert("example".to_owned(), example.clone());
        }
        (content.media.to_owned(), value)
    };
    all.iter().map(one).collect()
}

fn responses(route: &Route, operation: &Operation, problems: &mut Problems) -> Map<String, Value> {
    let limited: &[&str] = if route.endpoint.rate_limit() == RateLimit::None { &[] } else { &["RateLimit", "RateLimit-Policy"] };
    let good = |answer: &Answer| {
        let mut value = json!({ "description": answer.about, "headers": headers::of(headers::ALWAYS.iter().chain(limited).chain(answer.headers)) });
        // What answers HEAD has no body.
        if let (false, "GET" | "POST" | "PUT" | "PATCH" | "DELETE", Some(value)) = (answer.content.is_empty(), route.method, value.as_object_mut()) {
            value.insert("content".to_owned(), json!(content(&answer.content)));
        }
        (answer.status.to_string(), value)
    };
    let mut all: Map<String, Value> = operation.answers.iter().map(good).collect();
    for (status, codes) in by_status(errors::of(route, operation)) {
        let name = problems.name(status, codes);
        match all.get_mut(&status.to_string()).and_then(|answer| answer.get_mut("content")).and_then(Value::as_object_mut) {
            // A status with two media types, such as health's 503.
            Some(content) => content.extend(problems.content(&name)),
            None => {
                all.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
            }
        }
    }
    all
}

fn security_schemes() -> Value {
    json!({
        "accountKey": { "type": "http", "scheme": "bearer", "description": "An account's key, `jt_live_…` or `jt_test_…`, with its secret in X-API-Secret." },
        "accountKeyHeader": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The key, instead of as bearer." },
        "accountSecret": { "type": "apiKey", "in": "header", "name": "X-API-Secret", "description": "The account's secret, `jts_…`." },
        "uploadToken": { "type": "apiKey", "in": "header", "name": "X-Upload-Token", "description": "`jtu1.…`, of one upload." },
        "webhookSecret": { "type": "http", "scheme": "bearer", "description": "A webhook secret, whole." },
        "webhookSignature": { "type": "apiKey", "in": "header", "name": "webhook-signature", "description": "Standard Webhooks, with webhook-id and webhook-timestamp." },
        "browserCookie": { "type": "apiKey", "in": "cookie", "name": "__Host-jettyspeed", "description": "Of a browser that POST /api/portal/sessions signed in; for requests of the same origin." },
        "operator": { "type": "http", "scheme": "bearer", "description": "ADMIN_TOKEN." },
    })
}

fn security(scheme: AuthScheme) -> Value {
    let account = [json!({ "accountKey": [], "accountSecret": [] }), json!({ "accountKeyHeader": [], "accountSecret": [] })];
    let webhook = [json!({ "webhookSecret": [] }), json!({ "webhookSignature": [] })];
    let operator = [json!({ "operator": [] })];
    let browser = [json!({ "browserCookie": [] })];
    let all = |parts: &[&[Value]]| Value::Array(parts.concat());
    match scheme {
        AuthScheme::None | AuthScheme::VideoToken => all(&[]),
        AuthScheme::Account => all(&[&account, &browser]),
        AuthScheme::TokenOrAccount => all(&[&[json!({ "uploadToken": [] })], &account, &browser]),
        AuthScheme::PathToken => all(&[&[json!({})], &account, &browser]),
        AuthScheme::Webhook => all(&[&webhook]),
        AuthScheme::AccountOrWebhook => all(&[&account, &browser, &webhook]),
        AuthScheme::Operator => all(&[&operator, &browser]),
        AuthScheme::OperatorOrAccount => all(&[&operator, &account, &browser]),
    }
}
