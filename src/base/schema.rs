//! JSON schemas of the types whose text form is narrower than their Rust type (docs/api.md, Naming and formats).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;

/// A SHA-256 in hex digits, as callers write it: of either case.
pub const HASH: &str = "^[0-9a-fA-F]{64}$";

/// A UUID in the form that this service gives.
pub const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// A [`Name`].
pub const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

macro_rules! inline {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline!(Id, "Id", json_schema!({ "type": "string", "format": "uuid" }));
inline!(Name, "Name", json_schema!({ "type": "string", "pattern": NAME, "maxLength": 136 }));
inline!(Sha256Hex, "Sha256", json_schema!({ "type": "string", "pattern": HASH }));
inline!(Shard, "Shard", json_schema!({ "type": "integer", "minimum": 0, "maximum": 99 }));
// Only in rows of the database: answers have RFC 3339.
inline!(EpochMs, "EpochMs", json_schema!({ "type": "integer", "minimum": 0 }));
