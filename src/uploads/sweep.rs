//! The sweep: which multipart uploads at the store belong to no session.

use crate::base::time::EpochMs;
use crate::files::object_key::is_known_key;
use crate::s3::operations::list_multipart_uploads::ListedUpload;

/// Maximum aborts per job: each is a subrequest.
pub const MAX_ABORTS: usize = 500;

/// The listed uploads that no session owns and that are at least `age_ms` old; a younger one may not be recorded yet. Only keys of this service's layout
/// are included, because the bucket may have other users (docs/uploads.md, Keys at the store).
pub fn orphans(listed: Vec<ListedUpload>, owned: &[String], age_ms: u64, now: EpochMs) -> Vec<ListedUpload> {
    let old = |upload: &ListedUpload| EpochMs::parse(&upload.initiated).is_some_and(|at| now.since(at) >= age_ms);
    let orphan = |upload: &ListedUpload| is_known_key(&upload.key) && old(upload) && !owned.contains(&upload.upload_id);
    listed.into_iter().filter(orphan).take(MAX_ABORTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_uploads_under_own_keys_without_a_session_are_orphans() {
        let now = EpochMs::parse("2026-11-20T12:00:00Z").unwrap();
        let key = "users/u1/o/01010101-0101-4101-8101-010101010101";
        let listed =
            |key: &str, upload_id: &str, initiated: &str| ListedUpload { key: key.into(), upload_id: upload_id.into(), initiated: initiated.into() };
        let all = vec![
            listed(key, "orphan", "2026-11-19T11:59:59.000Z"),
            listed(key, "owned", "2026-11-01T00:00:00.000Z"),
            listed(key, "young", "2026-11-19T12:00:01.000Z"),
            listed(key, "timeless", ""),
            listed("backups/2026", "foreign", "2026-11-01T00:00:00.000Z"),
            listed("users/u1/other", "foreign", "2026-11-01T00:00:00.000Z"),
        ];
        let found = orphans(all, &["owned".to_owned()], 86_400_000, now);
        assert_eq!(found.iter().map(|upload| upload.upload_id.as_str()).collect::<Vec<_>>(), ["orphan"]);
    }
}
