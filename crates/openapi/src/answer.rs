//! Checks answers of the service against the document.

use std::collections::HashMap;

use jettyspeed_edge::access::routes;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The document, with the schemas of its answers compiled as they are asked for.
pub struct Checker {
    document: Value,
    compiled: HashMap<(String, u16, String), Validator>,
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Method of the request.
    pub method: &'a str,
    /// Path of the request, percent-encoded, without its query.
    pub path: &'a str,
    /// Status.
    pub status: u16,
    /// `Content-Type`.
    pub media: Option<&'a str>,
    /// The body, if it is JSON.
    pub json: Option<&'a Value>,
}

impl Checker {
    /// Of a document.
    pub fn new(document: Value) -> Checker {
        Checker { document, compiled: HashMap::new() }
    }

    /// What of it is not in the document; `Ok(None)` for requests to no route. Else the operation's id.
    ///
    /// # Errors
    /// What is not documented.
    pub fn check(&mut self, seen: &Seen<'_>) -> Result<Option<String>, String> {
        let Ok((route, _)) = routes::find(seen.method, seen.path) else { return Ok(None) };
        let path = route.pattern.replace("*}", "}");
        let name = format!("{} {path}", route.method);
        let pointer = |text: &str| text.replace('~', "~0").replace('/', "~1");
        let at = format!("/paths/{}/{}", pointer(&path), route.method.to_lowercase());
        let operation = self.document.pointer(&at).ok_or_else(|| format!("{name} is not documented"))?;
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let response = operation["responses"]
            .get(seen.status.to_string())
            .ok_or_else(|| format!("{name}: {} is not documented: {:?}", seen.status, seen.json))?;
        let response = match response["$ref"].as_str().and_then(|reference| self.document.pointer(reference.trim_start_matches('#'))) {
            Some(shared) => shared,
            None => response,
        };
        let Some(json) = seen.json else { return Ok(Some(id)) };
        let media = seen.media.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_owned();
        // A file may be JSON.
        if response["content"].get("*/*").is_some() {
            return Ok(Some(id));
        }
        let content = response["content"].get(&media).ok_or_else(|| format!("{name} {}: {media} is not documented", seen.status))?;
        let key = (id.clone(), seen.status, media);
        if !self.compiled.contains_key(&key) {
            let schema = json!({ "allOf": [content["schema"]], "components": closed(&self.document["components"], &key.2) });
            let validator = jsonschema::validator_for(&schema).map_err(|error| format!("{name} {}: {error}", seen.status))?;
            self.compiled.insert(key.clone(), validator);
        }
        let problems: Vec<String> = self
            .compiled
            .get(&key)
            .into_iter()
            .flat_map(|validator| validator.iter_errors(json))
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        if problems.is_empty() { Ok(Some(id)) } else { Err(format!("{name} {}: {}; {json}", seen.status, problems.join("; "))) }
    }
}

/// The components, in which objects have no other members than those that are documented. The document itself leaves room for more, for the sake of later
/// versions; problems have members of their own.
fn closed(components: &Value, media: &str) -> Value {
    let mut components = json!({ "schemas": components["schemas"] });
    if media != "application/json" {
        return components;
    }
    if let Some(schemas) = components["schemas"].as_object_mut() {
        for schema in schemas.values_mut().filter_map(Value::as_object_mut) {
            if schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
                schema.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
    }
    components
}
