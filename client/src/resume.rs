//! Selects the open session of a file. The server's list is authoritative; the client stores no state.

use crate::api::{Part, SessionSummary};

/// Prefix of an account's own namespace; in other namespaces members see each other's files.
const OWN: &str = "jt_user_";

/// Open sessions that may be of this file, most likely first: equal size; the requested namespace, or the account's own; equal name before another name
/// (a renamed file), newest first. With `only_name`, sessions of other names are excluded.
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

/// Offset and length of a part in the file, bytes.
pub fn place(part_number: u32, chunk_size: u64, file_size: u64) -> Option<(u64, u64)> {
    let offset = u64::from(part_number.checked_sub(1)?).checked_mul(chunk_size)?;
    let rest = file_size.checked_sub(offset).filter(|rest| *rest > 0)?;
    Some((offset, rest.min(chunk_size)))
}

/// The parts to send: missing ones, and recorded ones without a hash, which may be of other bytes.
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
        SessionSummary {
            session_id: id.into(),
            file_name: name.into(),
            file_size: size,
            namespace: "jt_user_1".into(),
            chunk_size: 10,
            ..Default::default()
        }
    }

    fn part(number: u32, hash: Option<&str>) -> Part {
        Part { part_number: number, etag: "e".into(), size: 1, sha256: hash.map(Into::into), edge: "x".into(), at: "t".into() }
    }

    #[test]
    fn candidates_have_equal_size_and_namespace_and_equal_names_come_first() {
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
    fn recorded_part_without_hash_is_sent_again() {
        assert_eq!(to_send(&[3], &[part(1, Some("a")), part(2, None)]), [2, 3]);
    }

    proptest! {
        #[test]
        fn places_cover_the_file_without_overlap(size in 1u64..1 << 40, chunk in 1u64..1 << 30) {
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
