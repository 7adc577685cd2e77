//! An asset and its API representation.

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::percent;
use crate::base::sha256::Sha256Hex;
use crate::base::sql::flag;
use crate::base::time::EpochMs;
use crate::files::paths::path::Path;

/// An asset joined with its object: one row of [`crate::files::repository`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Asset {
    /// Asset id.
    pub id: Id,
    /// Owner's account id.
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
    /// SHA-256 that the uploader claims.
    pub claimed_sha256: Option<String>,
    /// SHA-256 of the bytes, once verified.
    pub sha256: Option<String>,
    /// `pending`, `verified`, `mismatch` or `none`.
    pub verification: String,
    /// Why an object whose hash was claimed is not verified: a problem's code, or `interrupted`.
    #[serde(default)]
    pub verification_reason: Option<String>,
    /// When it was created.
    pub created_at: EpochMs,
    /// `active` or `suspended`; content of suspended owners is not delivered.
    pub owner_status: String,
    /// Whether the object belongs to another namespace. Its key then names another user and must not be shown to the asset's owner.
    #[serde(default, deserialize_with = "flag")]
    pub borrowed: bool,
    /// Its path, unique for its owner in the namespace.
    #[serde(default)]
    pub path: Option<Path>,
    /// When it was changed last where it comes from, as its client says.
    #[serde(default)]
    pub modified_at: Option<EpochMs>,
}

/// `asset` of the API (docs/api.md, "Asset").
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Asset"))]
#[serde(rename_all = "camelCase")]
pub struct AssetView {
    id: Id,
    name: String,
    size: u64,
    content_type: String,
    namespace: Name,
    /// None if the object belongs to another namespace.
    s3_key: Option<String>,
    sha256: Option<String>,
    verification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_reason: Option<String>,
    url: String,
    /// None of a file that was stored without one.
    path: Option<String>,
    /// When the file was changed last where it comes from, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_at: Option<String>,
    created_at: String,
}

impl Asset {
    /// The ETag shown to clients. The store's ETag reveals into how many parts an object was split, so for an object of another namespace it is not used.
    pub fn version(&self) -> &str {
        match &self.sha256 {
            Some(hash) if self.borrowed => hash,
            _ => &self.etag,
        }
    }

    /// Whether its bytes were checked to have that hash, and it has that size, bytes.
    pub fn is_verified_as(&self, hash: &Sha256Hex, size: u64) -> bool {
        self.size == size && self.verification == "verified" && self.sha256.as_deref() == Some(hash.as_str())
    }

    /// The API representation; `base` is `https://host`.
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
            verification_reason: self.verification_reason.clone(),
            url: content_url(base, &self.id.to_string(), &self.name),
            path: self.path.as_ref().map(Path::to_string),
            modified_at: self.modified_at.map(EpochMs::rfc3339),
            created_at: self.created_at.rfc3339(),
        }
    }
}

/// `/files/{token}/{name}`. The token alone decides; the name is only for display and for "save as".
pub fn content_url(base: &str, token: &str, name: &str) -> String {
    // URL parsers remove "." and ".." path segments, percent-encoded or not (WHATWG URL, "path state").
    let name = if matches!(name, "." | "..") { "file" } else { name };
    format!("{base}/files/{token}/{}", percent::component(name))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn asset() -> Asset {
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
            verification_reason: None,
            created_at: EpochMs(0),
            owner_status: "active".into(),
            borrowed: false,
            path: None,
            modified_at: None,
        }
    }

    #[test]
    fn view_shows_only_verified_hash_and_percent_encodes_names() {
        let view = serde_json::to_value(asset().view("https://h")).unwrap();
        assert_eq!(view["sha256"], serde_json::Value::Null);
        assert_eq!(view["url"], "https://h/files/01010101-0101-4101-8101-010101010101/a%20b%2F%C3%BC.txt");
        assert_eq!(view["createdAt"], "1970-01-01T00:00:00.000Z");
        let verified = Asset { verification: "verified".into(), ..asset() };
        assert_eq!(serde_json::to_value(verified.view("")).unwrap()["sha256"], "computed");
        assert_eq!(content_url("", "t", ".."), "/files/t/file");
    }
}
