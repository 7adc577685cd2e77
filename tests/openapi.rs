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
