//! Which open upload is this file's? The server's list is the truth; the client remembers nothing.

use crate::api::{Part, SessionSummary};

/// Open sessions that may be of this file, the likeliest first: same size and namespace; same name before another name (a renamed file), newest first.
pub fn candidates<'a>(sessions: &'a [SessionSummary], name: &str, size: u64, namespace: Option<&str>) -> Vec<&'a SessionSummary> {
    let mut fitting: Vec<_> =
        sessions.iter().filter(|session| session.file_size == size && namespace.is_none_or(|namespace| session.namespace == namespace)).collect();
    fitting.sort_by_key(|session| session.file_name != name);
    fitting
}

/// Where a part lies in the file: offset and length, bytes.
pub fn place(part_number: u32, chunk_size: u64, file_size: u64) -> Option<(u64, u64)> {
    let offset = u64::from(part_number.checked_sub(1)?).checked_mul(chunk_size)?;
    let rest = file_size.checked_sub(offset).filter(|rest| *rest > 0)?;
    Some((offset, rest.min(chunk_size)))
}

/// What the recorded parts say, once the file's own chunks were hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The session is this file's: every recorded hash is that of the file's chunk.
    Ours,
    /// It is another file's, or of another version.
    NotOurs,
}

/// Judges a session by its recorded parts and the file's hashes of them (same order). A session without any recorded part is ours if the names agree:
/// nothing of it is used but its number.
pub fn judge(recorded: &[Part], hashes: &[String], same_name: bool) -> Verdict {
    let mut compared = 0;
    for (part, hash) in recorded.iter().zip(hashes) {
        match &part.sha256 {
            Some(stored) if stored == hash => compared += 1,
            Some(_) => return Verdict::NotOurs,
            None => {}
        }
    }
    if compared > 0 || same_name { Verdict::Ours } else { Verdict::NotOurs }
}

/// The parts still to send: those that are missing, and those the record has no hash of, which may be anybody's bytes.
pub fn to_send(missing: &[u32], recorded: &[Part]) -> Vec<u32> {
    let mut parts: Vec<u32> = missing.to_vec();
    parts.extend(recorded.iter().filter(|part| part.sha256.is_none()).map(|part| part.part_number));
    parts.sort_unstable();
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(id: &str, name: &str, size: u64) -> SessionSummary {
        SessionSummary { session_id: id.into(), file_name: name.into(), file_size: size, namespace: "ns".into(), chunk_size: 10 }
    }

    fn part(number: u32, hash: Option<&str>) -> Part {
        Part { part_number: number, etag: "e".into(), size: 1, sha256: hash.map(Into::into), edge: "x".into(), at: "t".into() }
    }

    #[test]
    fn same_name_first_other_sizes_never() {
        let sessions = [session("1", "other", 5), session("2", "mine", 5), session("3", "mine", 6), session("4", "mine", 5)];
        let order: Vec<_> = candidates(&sessions, "mine", 5, None).iter().map(|s| s.session_id.as_str()).collect();
        assert_eq!(order, ["2", "4", "1"]);
        assert!(candidates(&sessions, "mine", 5, Some("elsewhere")).is_empty());
    }

    #[test]
    fn one_wrong_hash_is_enough_and_no_hash_proves_nothing() {
        let hashes = ["a".to_owned(), "b".to_owned()];
        assert_eq!(judge(&[part(1, Some("a")), part(2, Some("b"))], &hashes, false), Verdict::Ours);
        assert_eq!(judge(&[part(1, Some("a")), part(2, Some("x"))], &hashes, true), Verdict::NotOurs);
        assert_eq!(judge(&[part(1, None)], &hashes, false), Verdict::NotOurs);
        assert_eq!(judge(&[], &[], true), Verdict::Ours);
        assert_eq!(to_send(&[3], &[part(1, Some("a")), part(2, None)]), [2, 3]);
    }

    proptest! {
        #[test]
        fn places_tile_the_file(size in 1u64..1 << 40, chunk in 1u64..1 << 30) {
            let count = u32::try_from(size.div_ceil(chunk).min(50)).unwrap();
            let mut next = 0;
            for number in 1..=count {
                let (offset, length) = place(number, chunk, size).unwrap();
                prop_assert_eq!(offset, next);
                prop_assert!(length >= 1 && length <= chunk);
                next += length;
            }
            prop_assert_eq!(place(0, chunk, size), None);
        }
    }
}
