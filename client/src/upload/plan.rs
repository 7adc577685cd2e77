//! What is to be sent, and over which lanes.

use super::Hashes;
use super::file::LocalFile;
use crate::Error;
use crate::api::{Assignment, RankedEdge, SessionState, Started};
use crate::edge::Edge;
use crate::lanes::spec::specs;
use crate::lanes::{Lanes, Piece};
use crate::resume::{place, to_send};

/// Everything that is known before the first part goes.
pub struct Plan {
    pub session: String,
    pub token: String,
    pub chunk_size: u64,
    pub parts: Vec<Piece>,
    /// Offered those parts.
    pub lanes: Lanes,
    /// Parts in flight at most, as the server advises.
    pub threads: usize,
    pub known: Hashes,
}

/// Of a new session.
///
/// # Errors
/// [`Error::Unexpected`] for parts that the file does not have.
pub fn beginning(edge: &Edge, file: &LocalFile, started: Started, known: Hashes) -> Result<Plan, Error> {
    let chunk_size = started.strategy.chunk_size;
    let parts = pieces(&started.missing_parts, chunk_size, file.size)?;
    let (lanes, threads) = (lanes(edge, &started.edges, &started.assignments, &parts), started.strategy.threads as usize);
    Ok(Plan { session: started.session_id, token: started.upload_token, chunk_size, parts, lanes, threads, known })
}

/// Of a session that is open.
///
/// # Errors
/// See [`Error`].
pub async fn going_on(edge: &Edge, file: &LocalFile, state: SessionState, known: Hashes) -> Result<Plan, Error> {
    let advice = edge.advice(file.size).await?;
    let parts = pieces(&to_send(&state.missing, &state.completed), state.chunk_size, file.size)?;
    let (lanes, threads) = (lanes(edge, &advice.edges, &advice.assignments, &parts), advice.strategy.threads as usize);
    Ok(Plan { session: state.session_id, token: state.upload_token, chunk_size: state.chunk_size, parts, lanes, threads, known })
}

fn lanes(edge: &Edge, edges: &[RankedEdge], assignments: &[Assignment], parts: &[Piece]) -> Lanes {
    let mut lanes = Lanes::new(specs(edge.base(), edges));
    lanes.offer(parts, assignments);
    lanes
}

/// The parts of these numbers.
///
/// # Errors
/// [`Error::Unexpected`] for one that is outside the file.
pub fn pieces(numbers: &[u32], chunk_size: u64, file_size: u64) -> Result<Vec<Piece>, Error> {
    let piece = |number: &u32| {
        let (_, bytes) = place(*number, chunk_size, file_size).ok_or_else(|| Error::Unexpected(format!("part {number} is outside the file")))?;
        Ok(Piece { number: *number, bytes })
    };
    numbers.iter().map(piece).collect()
}

/// Bytes of all of them.
pub fn total(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_files_own() {
        let parts = pieces(&[1, 3], 10, 25).unwrap();
        assert_eq!((parts[1], total(&parts)), (Piece { number: 3, bytes: 5 }, 15));
        assert!(matches!(pieces(&[4], 10, 25), Err(Error::Unexpected(_))));
    }
}
