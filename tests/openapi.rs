//! docs/openapi.json is what crates/openapi generates, and holds together. That the service answers as it says is held by the end-to-end tests, each of whose
//! answers is checked against it (tests/e2e/harness/assertions.rs).

use std::collections::BTreeSet;

use jettyspeed_edge::access::routes::ROUTES;
use jettyspeed_edge::problem::CATALOGUE;
use jettyspeed_openapi::answer::{Checker, Seen};
use serde_json::{Value, json};

#[test]
fn kept_document_is_the_generated_one() {
    let kept = std::fs::read_to_string(jettyspeed_openapi::root().join(jettyspeed_openapi::FILE)).unwrap();
    assert!(kept == jettyspeed_openapi::text(), "run: cargo run -p jettyspeed-openapi");
}

#[test]
fn every_route_is_an_operation_and_every_operation_a_route() {
    let document = jettyspeed_openapi::document();
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone())))
        .collect();
    let routes: BTreeSet<(String, String)> = ROUTES.iter().map(|route| (route.method.to_owned(), route.pattern.replace("*}", "}"))).collect();
    assert_eq!(documented, routes);
    let ids: Vec<&str> = operations(&document).map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids are unique");
}

#[test]
fn every_problem_but_that_of_the_method_is_an_answer_of_some_operation() {
    let document = jettyspeed_openapi::document();
    let responses = document["components"]["responses"].as_object().unwrap();
    let inline = operations(&document).flat_map(|operation| operation["responses"].as_object().unwrap().values());
    let codes: BTreeSet<&str> = responses
        .values()
        .chain(inline)
        .filter_map(|response| response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array())
        .flatten()
        .map(|code| code.as_str().unwrap())
        .collect();
    let known: BTreeSet<&str> = CATALOGUE.iter().map(|kind| kind.code).filter(|code| *code != "method-not-allowed").collect();
    assert_eq!(codes, known);
}

#[test]
fn every_example_has_the_form_that_its_schema_asks_for() {
    let document = jettyspeed_openapi::document();
    let mut examples = 0;
    let mut bad = Vec::new();
    for operation in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().values().filter_map(|response| response["content"].as_object());
        for (media, content) in operation["requestBody"]["content"].as_object().into_iter().chain(answers).flatten() {
            let Some(example) = content.get("example") else { continue };
            examples += 1;
            let schema = json!({ "allOf": [content["schema"]], "components": document["components"] });
            let validator = jsonschema::validator_for(&schema).unwrap();
            bad.extend(
                validator.iter_errors(example).map(|error| format!("{} {media}: {error} at {}", operation["operationId"], error.instance_path())),
            );
        }
    }
    assert!(examples > 80, "{examples}");
    assert_eq!(bad, Vec::<String>::new());
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = jettyspeed_openapi::document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let lost: Vec<_> = found.iter().filter(|reference| document.pointer(reference.trim_start_matches('#')).is_none()).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values())
}

#[test]
fn answer_with_an_undocumented_status_media_type_field_or_code_is_found() {
    let mut checker = Checker::new(jettyspeed_openapi::document());
    let mut check = |method, path, status, media, json: Value| checker.check(&Seen { method, path, status, media: Some(media), json: Some(&json) });
    let (json, problem) = ("application/json", "application/problem+json; charset=utf-8");
    let purged = json!({ "namespace": "films", "generation": 2 });
    let purge = "/api/portal/namespaces/films/purge";
    assert_eq!(check("POST", purge, 200, json, purged.clone()), Ok(Some("PurgeNamespace".to_owned())));
    assert_eq!(check("GET", "/nowhere", 404, problem, Value::Null), Ok(None));
    let not_found =
        json!({ "type": "/problems/not-found", "title": "t", "status": 404, "detail": "d", "code": "not-found", "requestId": "r", "extra": 1 });
    assert_eq!(check("POST", purge, 404, problem, not_found), Ok(Some("PurgeNamespace".to_owned())));
    let other = json!({ "type": "/problems/parts-missing", "title": "t", "status": 404, "detail": "d", "code": "parts-missing", "requestId": "r" });
    for (status, media, body) in [
        (201, json, purged.clone()),
        (200, "text/plain", purged),
        (200, json, json!({ "namespace": "films" })),
        (200, json, json!({ "namespace": "films", "generation": "2" })),
        (200, json, json!({ "namespace": "films", "generation": 2, "more": 1 })),
        (404, problem, other),
    ] {
        assert!(check("POST", purge, status, media, body.clone()).is_err(), "{status} {media} {body}");
    }
}

/// The sections of docs/api.md that are named after routes: `METHOD /path`, and the text.
fn sections(api: &str) -> Vec<(String, String)> {
    let section = |text: &str| {
        let (name, rest) = text.split_once("`\n")?;
        let end = ["\n### ", "\n## "].iter().filter_map(|heading| rest.find(heading)).min().unwrap_or(rest.len());
        Some((name.replace("*}", "}"), rest.get(..end)?.to_owned()))
    };
    api.split("\n### `").skip(1).filter_map(section).collect()
}

/// The words in code of a text.
fn coded(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Names of all members, parameters and header fields of an operation, with those that it refers to.
fn names_of(document: &Value, value: &Value, seen: &mut BTreeSet<String>, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                && seen.insert(reference.to_owned())
                && let Some(target) = document.pointer(reference.trim_start_matches('#'))
            {
                names_of(document, target, seen, names);
            }
            for group in ["properties", "headers"] {
                names.extend(object.get(group).and_then(Value::as_object).into_iter().flat_map(|members| members.keys().cloned()));
            }
            names.extend(object.get("in").and_then(|_| object.get("name")).and_then(Value::as_str).map(str::to_owned));
            names.extend(object.get("const").and_then(Value::as_str).map(str::to_owned));
            names.extend(object.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
            object.iter().filter(|(key, _)| *key != "example").for_each(|(_, value)| names_of(document, value, seen, names));
        }
        Value::Array(list) => list.iter().for_each(|value| names_of(document, value, seen, names)),
        _ => {}
    }
}

#[test]
fn every_field_and_error_of_the_api_reference_is_in_the_document() {
    let api = std::fs::read_to_string(jettyspeed_openapi::root().join("docs/api.md")).unwrap();
    let document = jettyspeed_openapi::document();
    let known: BTreeSet<&str> = CATALOGUE.iter().map(|kind| kind.code).collect();
    let (mut fields, mut missing) = (0, Vec::new());
    for (route, text) in sections(&api) {
        let (method, path) = route.split_once(' ').unwrap();
        let operation = &document["paths"][path][method.to_lowercase()];
        let mut names = BTreeSet::new();
        names_of(&document, operation, &mut BTreeSet::new(), &mut names);
        let first_cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        // Metrics are no fields.
        let listed = first_cells
            .flat_map(coded)
            .filter(|name| !name.starts_with("jettyspeed_"))
            .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
        // What the words behind it name are not errors any more.
        let errors =
            text.split("Errors:").skip(1).filter_map(|rest| rest.split(['.', '\n']).next()).flat_map(coded).filter(|code| known.contains(code));
        for name in listed.chain(errors) {
            fields += 1;
            // OpenAPI has the first as the media type of the body, and leaves the second to HTTP.
            if !["Content-Type", "Content-Length"].contains(&name) && !names.contains(name) {
                missing.push(format!("{route}: {name}"));
            }
        }
    }
    assert!(fields > 150, "{fields}");
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_field_of_the_document_is_in_the_api_reference() {
    let api = std::fs::read_to_string(jettyspeed_openapi::root().join("docs/api.md")).unwrap();
    let words: BTreeSet<&str> = api.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let document = jettyspeed_openapi::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let fields =
        schemas.iter().flat_map(|(schema, value)| value["properties"].as_object().into_iter().flatten().map(move |(field, _)| (schema, field)));
    let missing: Vec<String> =
        fields.filter(|(_, field)| !words.contains(field.as_str())).map(|(schema, field)| format!("{schema}.{field}")).collect();
    assert_eq!(missing, Vec::<String>::new());
}
