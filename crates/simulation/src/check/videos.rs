//! Files of videos at rest.

use std::collections::BTreeMap;

use jettyspeed_edge::base::id::Id;
use serde::Deserialize;

use crate::check::{ensure, select};
use crate::world::Sim;

/// A file of a video as D1 has it.
#[derive(Debug, Clone, Deserialize)]
pub struct VideoRow {
    /// Its version.
    pub id: Id,
    /// Its account.
    pub account_id: Id,
    /// Its namespace.
    pub namespace: String,
    /// Its video.
    pub video_id: String,
    /// Its path.
    pub path: String,
    /// Key at the store.
    pub s3_key: String,
    /// Bytes.
    pub size: u64,
    /// ETag.
    pub etag: String,
    /// When it was marked as deleted.
    pub doomed_at: Option<u64>,
}

/// All of them.
pub fn rows(sim: &Sim) -> Vec<VideoRow> {
    select(sim, "SELECT id, account_id, namespace, video_id, path, s3_key, size, etag, doomed_at FROM video_files ORDER BY id", vec![])
}

/// Every row is of the bytes that are there, every byte was sent to its place, and what was reported last is there.
///
/// # Errors
/// What is broken.
pub fn check(sim: &Sim, rows: &[VideoRow]) -> Result<(), String> {
    let (model, store) = (sim.model.borrow(), sim.store.borrow());
    let lost = model.admin.bandwidth.iter().any(|bandwidth| bandwidth.lost);
    let mut found = BTreeMap::new();
    for row in rows {
        ensure(row.doomed_at.is_none(), || format!("marked as deleted, and there: {row:?}"))?;
        let object = store.objects.get(&row.s3_key).ok_or_else(|| format!("a file of a video without bytes: {row:?}"))?;
        // Of a writer that died behind its bytes, only the ledger knows.
        ensure(lost || (object.content.len() == row.size && object.etag == row.etag), || format!("not what the store has: {row:?}, {object:?}"))?;
        let place = (format!("{}/{}", row.namespace, row.video_id), row.path.clone());
        ensure(model.videos.allows(&place, &object.content), || format!("not what was sent there: {row:?}, {object:?}"))?;
        found.insert(place, object.content.text());
    }
    for (place, content) in model.videos.settled() {
        let there = found.get(place).map(String::as_str);
        ensure(lost || there == content, || format!("{place:?} has {there:?}, and {content:?} was reported"))?;
    }
    let mut keys = store.objects.keys().filter(|key| key.contains("/v/"));
    let orphan = keys.find(|key| rows.iter().all(|row| row.s3_key != **key));
    ensure(orphan.is_none() || lost, || format!("bytes of a video without a row: {orphan:?}"))
}
