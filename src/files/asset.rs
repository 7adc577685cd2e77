//! An asset and its view in the API.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::percent;
use crate::base::sql::flag;
use crate::base::time::EpochMs;

/// An asset with its object: one row of [`crate::files::repository`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Asset {
    /// Asset id.
    pub id: Id,
    /// Owner.
    pub account_id: Id,
    /// Object id.
    pub object_id: Id,
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Namespace.
    pub namespace: Name,
    /// Object key.
    pub s3_key: String,
    /// Bytes.
    pub size: u64,
    /// The store's ETag, without quotes.
    pub etag: String,
    /// The hash the uploader claims.
    pub claimed_sha256: Option<String>,
    /// The hash of the bytes, once somebody looked at them.
    pub sha256: Option<String>,
    /// `pending`, `verified`, `mismatch` or `none`.
    pub verification: String,
    /// When it was created.
    pub created_at: EpochMs,
    /// `active` or `suspended`: whether its content may be had.
    pub owner_status: String,
    /// Whether the object is another namespace's: then its key names somebody whom the asset's owner has no business to know.
    #[serde(default, deserialize_with = "flag")]
    pub borrowed: bool,
}

/// `asset` of SPEC section 4.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetView {
    id: Id,
    name: String,
    size: u64,
    content_type: String,
    namespace: Name,
    /// None if the object is another namespace's.
    s3_key: Option<String>,
    sha256: Option<String>,
    verification: String,
    url: String,
    created_at: String,
}

impl Asset {
    /// What clients know its version by. The store's ETag tells in how many parts somebody sent it; of a borrowed object that is nobody's business.
    pub fn version(&self) -> &str {
        match &self.sha256 {
            Some(hash) if self.borrowed => hash,
            _ => &self.etag,
        }
    }

    /// The API's view; `base` is `https://host`.
    pub fn view(&self, base: &str) -> AssetView {
        AssetView {
            id: self.id,
            name: self.name.clone(),
            size: self.size,
            content_type: self.content_type.clone(),
            namespace: self.namespace.clone(),
            s3_key: (!self.borrowed).then(|| self.s3_key.clone()),
            sha256: self.sha256.clone().filter(|_| self.verification == "verified"),
            verification: self.verification.clone(),
            url: content_url(base, &self.id.to_string(), &self.name),
            created_at: self.created_at.rfc3339(),
        }
    }
}

/// `/files/{token}/{name}`. The name is for the reader (and for "save as"); the token alone decides.
pub fn content_url(base: &str, token: &str, name: &str) -> String {
    // URL parsers take "." and ".." out of a path, encoded or not.
    let name = if matches!(name, "." | "..") { "file" } else { name };
    format!("{base}/files/{token}/{}", percent::component(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn asset() -> Asset {
        Asset {
            id: Id::from_random([1; 16]),
            account_id: Id::from_random([2; 16]),
            object_id: Id::from_random([3; 16]),
            name: "a b/ü.txt".into(),
            content_type: "text/plain".into(),
            namespace: Name::parse("ns").unwrap(),
            s3_key: "users/1/o/x".into(),
            size: 3,
            etag: "e".into(),
            claimed_sha256: Some("claimed".into()),
            sha256: Some("computed".into()),
            verification: "mismatch".into(),
            created_at: EpochMs(0),
            owner_status: "active".into(),
            borrowed: false,
        }
    }

    #[test]
    fn only_a_verified_hash_is_shown_and_names_are_encoded() {
        let view = serde_json::to_value(asset().view("https://h")).unwrap();
        assert_eq!(view["sha256"], serde_json::Value::Null);
        assert_eq!(view["url"], "https://h/files/01010101-0101-4101-8101-010101010101/a%20b%2F%C3%BC.txt");
        assert_eq!(view["createdAt"], "1970-01-01T00:00:00.000Z");
        let verified = Asset { verification: "verified".into(), ..asset() };
        assert_eq!(serde_json::to_value(verified.view("")).unwrap()["sha256"], "computed");
        assert_eq!(content_url("", "t", ".."), "/files/t/file");
    }
}
