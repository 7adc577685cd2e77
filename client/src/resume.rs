//! Which open upload is this file's? The server's list is the truth; the client remembers nothing.

use crate::api::{Part, SessionSummary};

/// Namespaces that come with an account start with this; in others, members see each other's files.
const OWN: &str = "jt_user_";

/// Open sessions that may be of this file, the likeliest first: same size; the namespace asked for, or an own one; same name before another name
/// (a renamed file), newest first. With `only_name` a session of another name is none.
pub fn candidates<'a>(sessions: &'a [SessionSummary], name: &str, only_name: bool, size: u64, namespace: Option<&str>) -> Vec<&'a SessionSummary> {
    let right_place = |session: &SessionSummary| match namespace {
        Some(namespace) => session.namespace == namespace,
        None => session.namespace.starts_with(OWN),
    };
    let right_name = |session: &SessionSummary| !only_name || session.file_name == name;
    let mut fitting: Vec<_> = sessions.iter().filter(|session| session.file_size == size && right_place(session) && right_name(session)).collect();
    fitting.sort_by_key(|session| session.file_name != name);
    fitting
}

/// Where a part lies in the file: offset and length, bytes.
pub fn place(part_number: u32, chunk_size: u64, file_size: u64) -> Option<(u64, u64)> {
    let offset = u64::from(part_number.checked_sub(1)?).checked_mul(chunk_size)?;
    let rest = file_size.checked_sub(offset).filter(|rest| *rest > 0)?;
    Some((offset, rest.min(chunk_size)))
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
        SessionSummary { session_id: id.into(), file_name: name.into(), file_size: size, namespace: "jt_user_1".into(), chunk_size: 10 }
    }

    fn part(number: u32, hash: Option<&str>) -> Part {
        Part { part_number: number, etag: "e".into(), size: 1, sha256: hash.map(Into::into), edge: "x".into(), at: "t".into() }
    }

    #[test]
    fn same_name_first_other_sizes_and_places_never() {
        let mut sessions =
            [session("1", "other", 5), session("2", "mine", 5), session("3", "mine", 6), session("4", "mine", 5), session("5", "mine", 5)];
        sessions[4].namespace = "jt_customer_shared".into();
        let ids = |only_name, namespace| {
            let found = candidates(&sessions, "mine", only_name, 5, namespace);
            found.iter().map(|s| s.session_id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(false, None), ["2", "4", "1"]);
        assert_eq!(ids(true, None), ["2", "4"]);
        assert_eq!(ids(false, Some("jt_customer_shared")), ["5"]);
        assert!(ids(false, Some("elsewhere")).is_empty());
    }

    #[test]
    fn what_has_no_hash_is_sent_again() {
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
