//! The answer that plans an upload before it is started.

use serde::Serialize;

use crate::base::sha256::Sha256Hex;
use crate::chunking::Strategy;
use crate::dedup::chunk::Stored;
use crate::dedup::lookup::DuplicateView;
use crate::edges::assign::Assignment;
use crate::edges::geo::GeoHint;
use crate::edges::view::EdgeView;

/// 200 answer of `POST /api/jetty/optimal-edges`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Optimal"))]
pub struct Optimal {
    /// The best edges, the best first.
    pub edges: Vec<EdgeView>,
    /// Which edge each part should be sent to.
    pub assignments: Vec<Assignment>,
    /// The chunk plan.
    pub strategy: Strategy,
    /// The caller's own file of these bytes.
    pub duplicate: Option<DuplicateView>,
    /// Whether deduplication may save bytes of the file.
    #[serde(flatten)]
    pub foreseen: Foreseen,
    /// Where the client is, as far as it is known.
    pub client: GeoHint,
}

/// What is known of a file before its hash is: whether hashing it first may save bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Foreseen {
    /// Whether the file, or chunks of it, may be stored already. If false, no deduplication is missed by sending bytes before the file is hashed.
    pub may_be_stored: bool,
    /// Those of `chunkHashes` that the namespace stores, in any order.
    pub stored_chunks: Vec<Sha256Hex>,
}

impl Foreseen {
    /// `of_size`: the namespace has an object of the file's size. `shares`: it shares bytes with other namespaces, of which nothing may be told.
    pub fn of(of_size: bool, chunks: Vec<Stored>, shares: bool) -> Foreseen {
        let stored_chunks: Vec<Sha256Hex> = chunks.into_iter().map(|chunk| chunk.sha256).collect();
        Foreseen { may_be_stored: of_size || shares || !stored_chunks.is_empty(), stored_chunks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_size_stored_chunk_or_shared_namespace_may_save_bytes() {
        let chunk = || Stored { sha256: Sha256Hex::of(b"a"), size: 1, s3_key: "k".into(), first: 0 };
        let may = |of_size, chunks, shares| Foreseen::of(of_size, chunks, shares).may_be_stored;
        assert!(!may(false, vec![], false));
        assert!(may(true, vec![], false) && may(false, vec![chunk()], false) && may(false, vec![], true));
        let shown = serde_json::to_string(&Foreseen::of(false, vec![chunk()], false)).unwrap();
        assert_eq!(shown, format!(r#"{{"mayBeStored":true,"storedChunks":["{}"]}}"#, Sha256Hex::of(b"a").as_str()));
    }
}
