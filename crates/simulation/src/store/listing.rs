//! Listings, page by page.

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::action::Action;

use crate::store::{Reply, Store, documents};

fn query<'a>(action: &'a Action, name: &str) -> Option<&'a str> {
    action.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Store {
    fn page(&self, action: &Action, name: &str) -> usize {
        query(action, name).and_then(|text| text.parse().ok()).unwrap_or(1_000).min(self.dialect.page)
    }

    pub(super) fn list_parts(&self, action: &Action, upload: &str, as_of: EpochMs) -> Reply {
        let Some(upload) = self.uploads.get(upload) else { return Reply::refusal(404, "NoSuchUpload") };
        let after = query(action, "part-number-marker").and_then(|text| text.parse().ok()).unwrap_or(0u16);
        let most = self.page(action, "max-parts");
        let mut parts: Vec<_> = upload.parts_as_of(as_of).filter(|(number, _)| *number > after).collect();
        let truncated = parts.len() > most;
        parts.truncate(most);
        Reply::text(200, documents::parts(&parts, truncated))
    }

    pub(super) fn list_uploads(&self, action: &Action, as_of: EpochMs) -> Reply {
        let prefix = query(action, "prefix").unwrap_or_default();
        let marker = (query(action, "key-marker").unwrap_or_default(), query(action, "upload-id-marker").unwrap_or_default());
        let most = self.page(action, "max-uploads");
        let listed = self.uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix) && upload.initiated <= as_of);
        let mut uploads: Vec<_> = listed.map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload.initiated)).collect();
        uploads.sort_unstable();
        uploads.retain(|(key, id, _)| (*key, *id) > marker);
        let truncated = uploads.len() > most;
        uploads.truncate(most);
        Reply::text(200, documents::uploads(&uploads, truncated))
    }
}
