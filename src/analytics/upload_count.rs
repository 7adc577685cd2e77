//! What an upload adds to the statistics of its namespace and hour, in the batch that records it anyway.

use std::collections::BTreeMap;

use crate::base::histogram::bucket_of;
use crate::base::id::Id;
use crate::problem::Problem;
use crate::uploads::session::state::{COPIED, Meta, Part, Status};
use crate::uploads::session::transfer::Transfer;

/// Maximum number of edges of an upload that are counted.
const MAX_EDGES: usize = 20;

/// When an upload is counted, so that a repeated batch counts nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// The batch is not repeated.
    Always,
    /// While the session is open in D1: before the statement that closes it.
    WhileOpen(Id),
    /// If the file is there: behind the statement that creates it under an id drawn for it.
    IfThere(Id),
    /// If the object's last file now has other bytes: between the statement that gives it them and the one that counts the object's files.
    IfMerged(Id),
}

/// The ids that must be there for an upload to be counted, each if it is given.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// A session, open.
    pub session: Option<String>,
    /// A file.
    pub asset: Option<String>,
    /// An object that has files by its count, and none any more.
    pub merged: Option<String>,
}

impl Only {
    /// As ids.
    pub fn conditions(self) -> Conditions {
        let none = Conditions::default();
        match self {
            Only::Always => none,
            Only::WhileOpen(session) => Conditions { session: Some(session.to_string()), ..none },
            Only::IfThere(asset) => Conditions { asset: Some(asset.to_string()), ..none },
            Only::IfMerged(object) => Conditions { merged: Some(object.to_string()), ..none },
        }
    }
}

/// Why an upload ended without a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The client gave it up.
    Client,
    /// The store does not have it any more.
    Store,
    /// The account was taken out of the namespace.
    Removed,
    /// Its bytes are in a file that was concatenated from it and others.
    Joined,
    /// It was closed later, by a job: nobody came back, or an earlier attempt to close it was not completed.
    Job,
}

impl Why {
    /// Its name in the counts, and in the history of uploads.
    pub fn as_str(self, status: Status) -> &'static str {
        match (self, status) {
            (_, Status::Expired) => "idle",
            (Why::Client, _) => "client",
            (Why::Store, _) => "store",
            (Why::Removed, _) => "removed",
            (Why::Joined, _) => "joined",
            (Why::Job, _) => "job",
        }
    }
}

/// What is added.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UploadCount {
    /// Uploads that began.
    pub started: u64,
    /// Uploads that became a file.
    pub completed: u64,
    /// Uploads that failed.
    pub failed: u64,
    /// Uploads that expired.
    pub expired: u64,
    /// Bytes of completed uploads.
    pub bytes: u64,
    /// Bytes that were not stored, because the namespace has them.
    pub saved_bytes: u64,
    /// Bytes that were copied inside the store instead of sent.
    pub copied_bytes: u64,
    /// By edge, class of speed and reason: the column `counts` of `upload_hourly`.
    pub counts: BTreeMap<String, u64>,
}

/// The parts that were sent, by edge.
fn by_edge(parts: &[Part]) -> BTreeMap<&str, Vec<&Part>> {
    let mut edges: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.edge != COPIED) {
        if edges.len() < MAX_EDGES || edges.contains_key(part.edge.as_str()) {
            edges.entry(&part.edge).or_default().push(part);
        }
    }
    edges
}

impl UploadCount {
    /// A session that began.
    pub fn started() -> UploadCount {
        UploadCount { started: 1, ..UploadCount::default() }
    }

    /// A file of `size` bytes that was stored by one request.
    pub fn simple(size: u64) -> UploadCount {
        UploadCount { started: 1, completed: 1, bytes: size, ..UploadCount::default() }
    }

    /// An upload that `problem` ended before there was anything of it.
    pub fn refused(problem: &Problem) -> UploadCount {
        let why = match problem.kind().status {
            507 | 429 | 403 => "refused",
            400..=499 => "client",
            _ => "store",
        };
        UploadCount { started: 1, failed: 1, counts: [(format!("w:{why}"), 1)].into(), ..UploadCount::default() }
    }

    /// A file of `size` bytes that did not have to be sent, or does not have to be kept, because its namespace, or one that shares with it, stores it.
    pub fn deduplicated(size: u64) -> UploadCount {
        UploadCount { saved_bytes: size, ..UploadCount::default() }
    }

    /// A session that became a file, for a client in `country` (ISO 3166-1 alpha-2).
    pub fn completed(meta: &Meta, parts: &[Part], country: Option<&str>) -> UploadCount {
        let country = country.unwrap_or("XX");
        let mut counts = BTreeMap::new();
        if let Some(mbps) = Transfer::of(parts.iter()).known_mbps() {
            counts.insert(format!("s:{}", bucket_of(mbps)), 1);
        }
        for (edge, parts) in by_edge(parts) {
            counts.insert(format!("u:{edge}"), 1);
            let bytes = parts.iter().map(|part| part.size).fold(0, u64::saturating_add);
            counts.insert(format!("b:{edge}"), bytes);
            counts.insert(format!("o:{country}:{edge}"), bytes);
            if let Some(mbps) = Transfer::of(parts.into_iter()).known_mbps() {
                counts.insert(format!("s:{edge}:{}", bucket_of(mbps)), 1);
            }
        }
        let copied = parts.iter().filter(|part| part.edge == COPIED).map(|part| part.size).fold(0, u64::saturating_add);
        UploadCount { completed: 1, bytes: meta.file_size, copied_bytes: copied, counts, ..UploadCount::default() }
    }

    /// A session that ended without a file, with the parts that it had.
    pub fn ended(meta: &Meta, parts: &[Part], why: Why) -> UploadCount {
        let expired = u64::from(meta.status == Status::Expired);
        let edges = by_edge(parts).into_keys().map(|edge| (format!("x:{edge}"), 1));
        let counts = edges.chain([(format!("w:{}", why.as_str(meta.status)), 1)]).collect();
        UploadCount { failed: 1 - expired, expired, counts, ..UploadCount::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Name;
    use crate::base::time::EpochMs;
    use crate::uploads::session::state::Evidence;

    fn part(number: u16, edge: &str, size: u64, took_ms: Option<u64>) -> Part {
        Part { number, etag: String::new(), size, sha256: None, edge: edge.into(), at: EpochMs(100_000), evidence: Evidence::Seen, took_ms }
    }

    fn meta(status: Status) -> Meta {
        let id = Id::from_random([1; 16]);
        Meta {
            session: id,
            account: id,
            namespace: Name::parse("n").unwrap(),
            asset: id,
            object: id,
            key: "k".into(),
            upload_id: "u".into(),
            file_name: "f".into(),
            file_size: 33_000_000,
            chunk_size: 10_000_000,
            content_type: "a/b".into(),
            file_hash: None,
            allow_unsigned: false,
            created: EpochMs(0),
            ttl_ms: 1,
            status,
            lease: None,
            outcome: None,
            suspended: false,
            suspended_as_of: EpochMs(0),
            unchecked: false,
            cleaned_up: false,
            direct: false,
            ambiguous: std::collections::BTreeSet::new(),
            forget_at: None,
            active_at: None,
            urls_at: None,
            appending: None,
            placement: None,
        }
    }

    fn counts(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
        of.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect()
    }

    #[test]
    fn completed_upload_counts_bytes_and_speed_over_all_and_by_edge_and_what_was_copied() {
        // 20 MB and 10 MB in the same second: 240 Mbit/s, over fra 160, over AMS 80.
        let parts = [
            part(1, "fra", 20_000_000, Some(1_000)),
            part(2, "AMS", 10_000_000, Some(1_000)),
            part(3, COPIED, 2_000_000, None),
            part(4, "AMS", 1_000_000, None),
        ];
        let count = UploadCount::completed(&meta(Status::Completing), &parts, Some("DE"));
        let expected = counts(&[
            ("s:8", 1),
            ("u:fra", 1),
            ("b:fra", 20_000_000),
            ("o:DE:fra", 20_000_000),
            ("s:fra:7", 1),
            ("u:AMS", 1),
            ("b:AMS", 11_000_000),
            ("o:DE:AMS", 11_000_000),
            ("s:AMS:6", 1),
        ]);
        let wanted = UploadCount { completed: 1, bytes: 33_000_000, copied_bytes: 2_000_000, counts: expected, ..UploadCount::default() };
        assert_eq!(count, wanted);
    }

    #[test]
    fn upload_without_times_has_no_speed_and_one_over_many_edges_counts_twenty() {
        let found = UploadCount::completed(&meta(Status::Completing), &[part(1, "fra", 5, None)], None);
        assert_eq!(found.counts, counts(&[("u:fra", 1), ("b:fra", 5), ("o:XX:fra", 5)]));
        let many: Vec<Part> = (0..300).map(|number| part(number + 1, &format!("E{}", number % 30), 1, None)).collect();
        let counted = UploadCount::completed(&meta(Status::Completing), &many, Some("FR")).counts;
        assert_eq!(counted.len(), 3 * MAX_EDGES);
        assert!(counted.iter().all(|(key, count)| *count == if key.starts_with("u:") { 1 } else { 10 }));
    }

    #[test]
    fn refused_upload_counts_as_failed_by_whose_fault_it_was() {
        let full = Problem::StorageExceeded { limit: 1, used: 1, reserved: 0, requested: 1 };
        let unreachable = Problem::Origin(crate::problem::OriginFailure::Unreachable);
        for (problem, reason) in [
            (full, "w:refused"),
            (Problem::TooManyUploads { limit: 1, used: 1 }, "w:refused"),
            (Problem::Suspended, "w:refused"),
            (Problem::ChunkHashMismatch, "w:client"),
            (unreachable, "w:store"),
            (Problem::Internal, "w:store"),
        ] {
            let wanted = UploadCount { started: 1, failed: 1, counts: counts(&[(reason, 1)]), ..UploadCount::default() };
            assert_eq!(UploadCount::refused(&problem), wanted, "{problem:?}");
        }
    }

    #[test]
    fn upload_that_ended_counts_as_failed_or_expired_with_its_reason_and_edges() {
        let parts = [part(1, "fra", 5, None), part(2, COPIED, 5, None)];
        for (status, why, failed, reason) in [
            (Status::Failed, Why::Client, 1, "w:client"),
            (Status::Failed, Why::Store, 1, "w:store"),
            (Status::Failed, Why::Removed, 1, "w:removed"),
            (Status::Failed, Why::Job, 1, "w:job"),
            (Status::Expired, Why::Job, 0, "w:idle"),
            (Status::Expired, Why::Client, 0, "w:idle"),
        ] {
            let count = UploadCount::ended(&meta(status), &parts, why);
            let wanted = UploadCount { failed, expired: 1 - failed, counts: counts(&[("x:fra", 1), (reason, 1)]), ..UploadCount::default() };
            assert_eq!(count, wanted, "{status:?} {why:?}");
        }
    }
}
