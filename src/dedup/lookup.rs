//! Whole-file deduplication: lookup by claimed hash, verification verdict, and bytes saved (docs/uploads.md, Deduplication).

use serde::{Deserialize, Serialize};

use crate::base::sha256::Sha256Hex;
use crate::base::sql::flag;
use crate::base::units::GB;
use crate::files::asset::{Asset, AssetView};
use crate::files::paths::path::Path;
use crate::http::validate::{check_file_size, check_hash};
use crate::problem::Problem;

/// Body of `POST /api/jetty/check-duplicate`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CheckDuplicate"))]
#[serde(rename_all = "camelCase")]
pub struct Check {
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    file_hash: String,
    #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
    file_size: u64,
}

impl Check {
    /// The validated hash and size (bytes).
    ///
    /// # Errors
    /// [`Problem::Invalid`] with the name of the invalid field.
    pub fn check(&self) -> Result<(Sha256Hex, u64), Problem> {
        check_file_size(self.file_size)?;
        let hash = check_hash("fileHash", Some(&self.file_hash))?;
        Ok((hash.ok_or(Problem::Internal)?, self.file_size))
    }
}

/// A verified object of one of the caller's namespaces: one row of [`crate::dedup::repository::duplicate`].
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    /// Whether the caller has an asset that references the object.
    #[serde(deserialize_with = "flag")]
    pub owned: bool,
    /// The caller's asset; if there is none, the object in the form of an asset with an empty name.
    #[serde(flatten)]
    pub asset: Asset,
}

/// Which of an account's assets of the same bytes is the one that is asked for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Wanted<'a> {
    /// The one of that name, if no path is given.
    pub name: &'a str,
    /// The one at that path.
    pub path: Option<&'a Path>,
}

impl Wanted<'_> {
    /// Whether this is the one.
    pub fn is(self, asset: &Asset) -> bool {
        match self.path {
            Some(path) => asset.path.as_ref() == Some(path),
            None => asset.name == self.name,
        }
    }
}

/// Response of `check-duplicate`, and the member `duplicate` of `optimal-edges`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Duplicate"))]
pub struct DuplicateView {
    duplicate: bool,
    asset: Option<AssetView>,
    savings: Savings,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Savings {
    bytes: u64,
    usd: f64,
}

impl DuplicateView {
    /// Whether the bytes are already stored.
    pub fn is_duplicate(&self) -> bool {
        self.duplicate
    }
}

/// Builds the response for a file of `size` bytes; `found` says whether it is stored. The transfer price is `usd_per_gb` (GB = 10^9 bytes).
pub fn view(found: bool, asset: Option<&Asset>, size: u64, usd_per_gb: f64, base: &str) -> DuplicateView {
    let bytes = if found { size } else { 0 };
    DuplicateView {
        duplicate: found,
        asset: asset.map(|asset| asset.view(base)),
        // Sizes are below 2^53: exact in f64.
        savings: Savings { bytes, usd: bytes as f64 / GB as f64 * usd_per_gb },
    }
}

/// Result of comparing the claimed hash with the hash computed from the object's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The hashes are equal.
    Verified,
    /// The hashes differ.
    Mismatch,
}

impl Verdict {
    /// Compares the computed hash with the claim.
    pub fn of(claimed: &str, computed: &Sha256Hex) -> Verdict {
        if claimed == computed.as_str() { Verdict::Verified } else { Verdict::Mismatch }
    }

    /// The value as it appears in the API and in `objects.verification`.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Mismatch => "mismatch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stored_file_is_a_duplicate() {
        assert!(view(true, None, 1, 0.1, "").is_duplicate() && !view(false, None, 1, 0.1, "").is_duplicate());
    }

    #[test]
    fn stored_file_saves_its_size_and_absent_file_zero() {
        let shown = |found| serde_json::to_string(&view(found, None, 500_000_000, 0.1, "")).unwrap();
        assert_eq!(shown(true), r#"{"duplicate":true,"asset":null,"savings":{"bytes":500000000,"usd":0.05}}"#);
        assert_eq!(shown(false), r#"{"duplicate":false,"asset":null,"savings":{"bytes":0,"usd":0.0}}"#);
    }

    #[test]
    fn wrong_hash_gives_mismatch_and_invalid_body_is_refused() {
        let hash = Sha256Hex::of(b"x");
        assert_eq!((Verdict::of(hash.as_str(), &hash), Verdict::of("0", &hash)), (Verdict::Verified, Verdict::Mismatch));
        assert_eq!((Verdict::Verified.as_str(), Verdict::Mismatch.as_str()), ("verified", "mismatch"));
        for body in [r#"{"fileHash":"x","fileSize":1}"#, r#"{"fileHash":"x","fileSize":0}"#] {
            assert!(serde_json::from_str::<Check>(body).unwrap().check().is_err(), "{body}");
        }
    }
}
