//! The OpenAPI 3.1 document of the service (https://spec.openapis.org/oas/v3.1.1), generated from its route table, its problem catalogue and the types that it reads
//! and writes; and a check of real answers against it.

pub mod answer;
mod document;
mod errors;
mod headers;
mod operation;
mod operations;
mod problems;
mod schemas;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where the document is kept, from the root of the repository: the Worker serves this file.
pub const FILE: &str = "docs/openapi.json";

/// The document.
pub fn document() -> Value {
    document::build()
}

/// The document as it is kept: with line breaks, so that a change of it can be reviewed.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
