//! Multipart uploads.

use std::collections::BTreeMap;

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::chunking::MIN_PART_BYTES;
use jettyspeed_edge::s3::action::Action;

use crate::content::Content;
use crate::store::{Incoming, Object, Reply, Store, documents, header, range};

/// A part, as it was put at an instant.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its bytes.
    pub content: Content,
    /// Without quotes.
    pub etag: String,
    /// When.
    pub at: EpochMs,
}

/// An unfinished upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The object's key.
    pub key: String,
    /// When it was begun.
    pub initiated: EpochMs,
    /// Parts by number, each with what it replaced; the newest is the last.
    pub parts: BTreeMap<u16, Vec<Part>>,
}

impl Upload {
    /// Its parts as of an instant.
    pub fn parts_as_of(&self, at: EpochMs) -> impl Iterator<Item = (u16, &Part)> {
        self.parts.iter().filter_map(move |(number, versions)| Some((*number, versions.iter().rev().find(|part| part.at <= at)?)))
    }
}

impl Store {
    pub(super) fn create(&mut self, key: &str, now: EpochMs) -> Reply {
        self.created += 1;
        let id = format!("up{}", self.created);
        self.uploads.insert(id.clone(), Upload { key: key.to_owned(), initiated: now, parts: BTreeMap::new() });
        Reply::text(200, documents::initiated(key, &id))
    }

    pub(super) fn put_part(&mut self, upload: &str, number: u16, content: Content, now: EpochMs) -> Reply {
        let etag = content.etag();
        if !self.insert_part(upload, number, content, now) {
            return Reply::refusal(404, "NoSuchUpload");
        }
        self.tagged(200, &etag)
    }

    fn insert_part(&mut self, upload: &str, number: u16, content: Content, at: EpochMs) -> bool {
        let Some(upload) = self.uploads.get_mut(upload) else { return false };
        let etag = content.etag();
        upload.parts.entry(number).or_default().push(Part { content, etag, at });
        true
    }

    pub(super) fn copy_part(&mut self, action: &Action, upload: &str, number: u16, source: &str, now: EpochMs) -> Reply {
        if !self.uploads.contains_key(upload) {
            return Reply::refusal(404, "NoSuchUpload");
        }
        let key = source.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
        let Some(object) = self.objects.get(key) else { return Reply::refusal(404, "NoSuchKey") };
        let content = match header(action, "x-amz-copy-source-range").and_then(range) {
            Some((_, last)) if last >= object.content.len() => return Reply::refusal(416, "InvalidRange"),
            Some((first, last)) => object.content.slice(first, last + 1),
            None => object.content.clone(),
        };
        let etag = content.etag();
        self.insert_part(upload, number, content, now);
        Reply::text(200, documents::copied(&etag))
    }

    /// What a completion makes of an upload: key and object.
    ///
    /// # Errors
    /// The refusal.
    pub fn assemble(&self, upload: &str, body: &Incoming) -> Result<(String, Object), Reply> {
        let refusal = |status, code| Err(Reply::refusal(status, code));
        let Incoming::Text(text) = body else { return refusal(400, "MalformedXML") };
        let Some(found) = self.uploads.get(upload) else { return refusal(404, "NoSuchUpload") };
        let named = documents::part_list(text);
        if named.is_empty() {
            return refusal(400, "MalformedXML");
        }
        if !named.is_sorted_by(|(one, _), (next, _)| one < next) {
            return refusal(400, "InvalidPartOrder");
        }
        let part = |(number, etag): &(u16, String)| found.parts.get(number)?.last().filter(|part| part.etag == *etag);
        let Some(parts) = named.iter().map(part).collect::<Option<Vec<&Part>>>() else { return refusal(400, "InvalidPart") };
        if parts.iter().rev().skip(1).any(|part| part.content.len() < MIN_PART_BYTES) {
            return refusal(400, "EntityTooSmall");
        }
        let (mut content, mut tags) = (Content::default(), String::new());
        for part in parts {
            content.extend(&part.content);
            tags.push_str(&part.etag);
        }
        let etag = format!("{}-{}", Content::of_text(&tags).etag(), named.len());
        Ok((found.key.clone(), Object { content, etag }))
    }

    /// What a completion makes of an upload, which takes long.
    pub fn assemble_slowly(&mut self, upload: &str, body: &Incoming) -> Option<(String, Object)> {
        let assembled = self.assemble(upload, body).ok()?;
        self.assembling.insert(upload.to_owned()).then_some(assembled)
    }

    /// Ends an upload with its object, also one that was aborted meanwhile; not one that was completed.
    pub fn finish_late(&mut self, upload: &str, key: String, object: Object) {
        self.assembling.remove(upload);
        if self.uploads.remove(upload).is_some() || self.aborted.contains(upload) {
            self.objects.insert(key, object);
        }
    }

    pub(super) fn complete(&mut self, upload: &str, body: &Incoming) -> Reply {
        if self.assembling.contains(upload) && self.uploads.contains_key(upload) {
            return Reply::refusal(503, "SlowDown");
        }
        match self.assemble(upload, body) {
            Ok((key, object)) => {
                let reply = Reply::text(200, documents::completed(&key, &object.etag));
                self.uploads.remove(upload);
                self.objects.insert(key, object);
                reply
            }
            Err(refusal) => refusal,
        }
    }

    pub(super) fn abort(&mut self, upload: &str) -> Reply {
        match self.uploads.remove(upload) {
            Some(_) => {
                self.aborted.insert(upload.to_owned());
                Reply::empty(204, None)
            }
            None => Reply::refusal(404, "NoSuchUpload"),
        }
    }
}
