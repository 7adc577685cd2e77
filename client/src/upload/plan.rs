//! What is to be sent, and over which lanes.

use super::Hashes;
use super::hashes::Claim;
use crate::Error;
use crate::api::{Advice, Assignment, RankedEdge, SessionState, Started};
use crate::edge::Edge;
use crate::lanes::spec::specs;
use crate::lanes::{Lanes, Piece};
use crate::local_file::LocalFile;
use crate::resume::{place, to_send};

/// Largest part that an edge keeps while it sends it on, so that it repeats an attempt that is lost behind it, bytes (docs/uploads.md, Repeats).
const REPEATED: u64 = 12_000_000;

/// Parts of an upload (Amazon S3 documentation, "Multipart upload limits").
const MAX_PARTS: u64 = 10_000;

/// Smallest chunk that a store takes (same page), bytes.
const SMALLEST: u64 = 5 * 1024 * 1024;

/// Sizes of chunks that are asked for, ascending, bytes: a file whose first chunk of one of these sizes is stored may be stored in part.
pub const FIRST_CHUNKS: [u64; 3] = [SMALLEST, 10_000_000, REPEATED];

/// The chunk to ask for, bytes, where the server's plan has `planned`: as large as the chunks that are `stored` of the file, so that they match; else of a size
/// that an edge repeats, as long as that makes no more parts than a store takes.
pub fn asked_chunk_size(planned: u64, file_size: u64, stored: Option<u64>) -> u64 {
    let fits = |chunk: &u64| *chunk <= planned && file_size.div_ceil(MAX_PARTS) <= *chunk;
    let default = if file_size <= REPEATED * MAX_PARTS { planned.min(REPEATED) } else { planned };
    stored.filter(fits).unwrap_or(default)
}

/// The largest of these lengths of the file's beginning whose hash is among those that are `stored`.
pub fn stored_chunk_size(lengths: &[u64], hashes: &[String], stored: &[String]) -> Option<u64> {
    lengths.iter().zip(hashes).filter(|(_, hash)| stored.contains(hash)).map(|(length, _)| *length).max()
}

/// Everything that is determined before the first part is sent.
pub struct Plan {
    pub session: String,
    pub token: String,
    pub chunk_size: u64,
    pub parts: Vec<Piece>,
    /// The lanes, with these parts assigned.
    pub lanes: Lanes,
    /// Maximum number of parts in flight according to the server.
    pub threads: usize,
    /// Hashes of parts that are computed.
    pub known: Hashes,
    /// What to claim of the whole file at completion.
    pub claim: Claim,
}

/// The plan of a new session.
///
/// # Errors
/// [`Error::Unexpected`] for part numbers outside the file.
pub fn beginning(edge: &Edge, file: &LocalFile, started: Started, known: Hashes, claim: Claim) -> Result<Plan, Error> {
    let chunk_size = started.strategy.chunk_size;
    let parts = pieces(&started.missing_parts, chunk_size, file.size)?;
    let (lanes, threads) = (lanes(edge, &started.edges, &started.assignments, &parts), started.strategy.threads as usize);
    Ok(Plan { session: started.session_id, token: started.upload_token, chunk_size, parts, lanes, threads, known, claim })
}

/// The plan of an open session.
///
/// # Errors
/// [`Error::Unexpected`] for part numbers outside the file.
pub fn going_on(edge: &Edge, file: &LocalFile, advice: &Advice, state: SessionState, known: Hashes, claim: Claim) -> Result<Plan, Error> {
    let parts = pieces(&to_send(&state.missing, &state.completed), state.chunk_size, file.size)?;
    let (lanes, threads) = (lanes(edge, &advice.edges, &advice.assignments, &parts), advice.strategy.threads as usize);
    Ok(Plan { session: state.session_id, token: state.upload_token, chunk_size: state.chunk_size, parts, lanes, threads, known, claim })
}

fn lanes(edge: &Edge, edges: &[RankedEdge], assignments: &[Assignment], parts: &[Piece]) -> Lanes {
    let mut lanes = Lanes::new(specs(edge.base(), edges));
    lanes.offer(parts, assignments);
    lanes
}

/// The pieces of these part numbers.
///
/// # Errors
/// [`Error::Unexpected`] for a number outside the file.
pub fn pieces(numbers: &[u32], chunk_size: u64, file_size: u64) -> Result<Vec<Piece>, Error> {
    let piece = |number: &u32| {
        let (_, bytes) = place(*number, chunk_size, file_size).ok_or_else(|| Error::Unexpected(format!("part {number} is outside the file")))?;
        Ok(Piece { number: *number, bytes })
    };
    numbers.iter().map(piece).collect()
}

/// Total size of the pieces, bytes.
pub fn total(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_of_12_mb_is_asked_for_up_to_120_gb_and_smaller_plans_are_kept() {
        let gb = 1_000_000_000;
        let asked = [(10_000_000, 90_000_000), (50_000_000, gb), (100_000_000, 120 * gb), (100_000_000, 120 * gb + 1)];
        assert_eq!(asked.map(|(planned, size)| asked_chunk_size(planned, size, None)), [10_000_000, 12_000_000, 12_000_000, 100_000_000]);
    }

    #[test]
    fn chunk_as_large_as_the_stored_ones_is_asked_for_if_the_plan_and_the_store_take_it() {
        assert_eq!(asked_chunk_size(50_000_000, 200_000_000, Some(SMALLEST)), SMALLEST);
        assert_eq!(asked_chunk_size(10_000_000, 90_000_000, Some(REPEATED)), 10_000_000, "larger than the plan's");
        assert_eq!(asked_chunk_size(50_000_000, SMALLEST * MAX_PARTS + 1, Some(SMALLEST)), REPEATED, "too many parts");
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let size = |stored| stored_chunk_size(&FIRST_CHUNKS[..2], &texts(&["a", "b"]), &texts(stored));
        assert_eq!((size(&["a"]), size(&["b", "a"]), size(&["c"])), (Some(SMALLEST), Some(10_000_000), None));
    }

    #[test]
    fn part_numbers_outside_the_file_are_refused() {
        let parts = pieces(&[1, 3], 10, 25).unwrap();
        assert_eq!((parts[1], total(&parts)), (Piece { number: 3, bytes: 5 }, 15));
        assert!(matches!(pieces(&[4], 10, 25), Err(Error::Unexpected(_))));
    }
}
