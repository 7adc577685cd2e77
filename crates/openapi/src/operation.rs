//! What a route takes and answers, before it is written as OpenAPI.

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// Generates the schemas of types, and keeps those that have a name.
pub struct Types {
    /// Of what callers send: a field with a default may be missing.
    pub requests: SchemaGenerator,
    /// Of what the service answers.
    pub answers: SchemaGenerator,
}

/// What a body or an answer is.
#[derive(Debug, Clone)]
pub struct Content {
    /// Media type.
    pub media: &'static str,
    /// Its schema.
    pub schema: Schema,
    /// One that occurs.
    pub example: Option<Value>,
}

/// A value in the path, the query or a header field.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `path`, `query` or `header`.
    pub place: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// Whether a call without it is refused.
    pub required: bool,
    /// Its schema.
    pub schema: Value,
}

/// An answer that is no problem.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// When it is given.
    pub about: &'static str,
    /// What it has; empty: no body.
    pub content: Vec<Content>,
    /// Names of header fields (see [`crate::headers`]) beside those of every answer.
    pub headers: &'static [&'static str],
}

/// A route.
#[derive(Debug, Clone)]
pub struct Operation {
    /// One line.
    pub summary: &'static str,
    /// The section of docs/api.md that it is in.
    pub tag: &'static str,
    /// What callers may send beside the segments of the path.
    pub parameters: Vec<Parameter>,
    /// What the body may be; empty: none.
    pub body: Vec<Content>,
    /// Whether a call without a body is refused.
    pub body_required: bool,
    /// Answers.
    pub answers: Vec<Answer>,
    /// Codes of the problems that this route has beside those of its kind (see [`crate::errors`]).
    pub problems: Vec<&'static str>,
}

impl Operation {
    /// A route without body, answers and problems.
    pub fn new(tag: &'static str, summary: &'static str) -> Operation {
        Operation { summary, tag, parameters: Vec::new(), body: Vec::new(), body_required: true, answers: Vec::new(), problems: Vec::new() }
    }

    /// With a parameter of the query.
    pub fn query(mut self, name: &'static str, required: bool, about: &'static str, schema: Value) -> Operation {
        self.parameters.push(Parameter { place: "query", name, about, required, schema });
        self
    }

    /// With `limit` and `cursor` of a list.
    pub fn paged(self) -> Operation {
        self.query("limit", false, "Rows of the page; 50 by default.", json!({ "type": "integer", "minimum": 1, "maximum": 500 })).query(
            "cursor",
            false,
            "The `cursor` of the page before.",
            json!({ "type": "string" }),
        )
    }

    /// With a header field.
    pub fn header(mut self, name: &'static str, required: bool, about: &'static str, schema: Value) -> Operation {
        self.parameters.push(Parameter { place: "header", name, about, required, schema });
        self
    }

    /// With a JSON body of that type.
    pub fn takes<T: JsonSchema>(mut self, types: &mut Types, example: Value) -> Operation {
        self.body.push(Content { media: "application/json", schema: types.requests.subschema_for::<T>(), example: Some(example) });
        self
    }

    /// With a body of bytes.
    pub fn takes_bytes(mut self, media: &'static str) -> Operation {
        self.body.push(Content { media, schema: bytes(), example: None });
        self
    }

    /// With an answer of that type.
    pub fn answers<T: JsonSchema>(mut self, types: &mut Types, status: u16, about: &'static str, example: Value) -> Operation {
        let content = vec![Content { media: "application/json", schema: types.answers.subschema_for::<T>(), example: Some(example) }];
        self.answers.push(Answer { status, about, content, headers: &[] });
        self
    }

    /// With an answer without a body.
    pub fn answers_nothing(mut self, status: u16, about: &'static str) -> Operation {
        self.answers.push(Answer { status, about, content: Vec::new(), headers: &[] });
        self
    }

    /// With an answer that is neither JSON nor a problem.
    pub fn answers_media(mut self, status: u16, about: &'static str, media: &[&'static str], headers: &'static [&'static str]) -> Operation {
        let content = media.iter().map(|media| Content { media, schema: bytes(), example: None }).collect();
        self.answers.push(Answer { status, about, content, headers });
        self
    }

    /// Adds a media type to the last answer.
    pub fn or_media(mut self, media: &'static str) -> Operation {
        if let Some(last) = self.answers.last_mut() {
            last.content.push(Content { media, schema: bytes(), example: None });
        }
        self
    }

    /// With further problems.
    pub fn fails(mut self, codes: &[&'static str]) -> Operation {
        self.problems.extend_from_slice(codes);
        self
    }
}

fn bytes() -> Schema {
    schemars::json_schema!({ "type": "string", "format": "binary" })
}
