//! What clients asked for, and what they were told.

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;

use crate::content::Content;
use crate::model_admin::Administration;
use crate::model_videos::Videos;

/// A file that a client wants to store: for each of its parts, what was sent as that part.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Size of its parts, bytes.
    pub chunk: u64,
    /// What was sent, part by part.
    pub parts: Vec<BTreeSet<String>>,
}

impl Asked {
    /// A file that is sent as it is.
    pub fn of(content: &Content, chunk: u64) -> Asked {
        let parts = content.parts(chunk).iter().map(|part| BTreeSet::from([part.text()])).collect();
        Asked { chunk, parts }
    }

    /// Whether the content consists of what was sent.
    fn allows(&self, content: &Content) -> bool {
        let parts = content.parts(self.chunk);
        parts.len() == self.parts.len() && parts.iter().zip(&self.parts).all(|(part, sent)| sent.contains(&part.text()))
    }
}

/// An upload session, as its client knows it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose.
    pub account: usize,
    /// Its id.
    pub id: Id,
    /// Its token.
    pub token: String,
    /// The file's number.
    pub file: usize,
    /// The file's name.
    pub name: String,
    /// Its place among what was asked for under that name.
    pub asked: usize,
    /// Size of its parts, bytes.
    pub chunk: u64,
    /// Numbers of the parts to send.
    pub missing: Vec<u16>,
    /// When it expires, as its client was told, ms.
    pub expires: u64,
    /// Receipts by part number, with ETag and the content's text.
    pub receipts: BTreeMap<u16, (String, String, String)>,
}

/// What was reported as stored.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Whose.
    pub account: usize,
    /// Its bytes, if the report says which.
    pub content: Option<Content>,
}

/// The model.
#[derive(Debug, Default)]
pub struct Model {
    /// Files that were asked for, by account and name.
    pub asked: BTreeMap<(Id, String), Vec<Asked>>,
    /// Sessions that clients know, oldest first.
    pub sessions: Vec<Session>,
    /// Assets that were reported as stored.
    pub kept: BTreeMap<Id, Kept>,
    /// The same in the order in which they were.
    pub known: Vec<(usize, Id)>,
    /// Assets that somebody asked to delete.
    pub deleting: BTreeSet<Id>,
    /// Assets that were reported as deleted.
    pub deleted: BTreeSet<Id>,
    /// The paths of assets as they were reported, behind their namespaces.
    pub paths: BTreeMap<Id, String>,
    /// Places of which somebody asked to replace the file.
    pub replacing: BTreeSet<(usize, String)>,
    /// Whether an account was taken out of a namespace, and may not see all of its files any more.
    pub members_changed: bool,
    /// New users' accounts and keys, as they were first reported.
    pub provisioned: BTreeMap<String, (String, String)>,
    /// What operators and the identity backend did.
    pub admin: Administration,
    /// Uploads that somebody asked to end.
    pub ending: BTreeSet<Id>,
    /// Uploads that were reported as failed.
    pub failed: BTreeSet<Id>,
    /// Uploads whose clients have lied about the hash of a part.
    pub liars: BTreeSet<Id>,
    /// Files of videos.
    pub videos: Videos,
}

impl Model {
    /// Notes that an account wants a file stored; returns the place of that wish.
    pub fn ask(&mut self, account: Id, name: &str, asked: Asked) -> usize {
        let all = self.asked.entry((account, name.to_owned())).or_default();
        all.push(asked);
        all.len() - 1
    }

    /// Notes that a part was sent for a file.
    pub fn send(&mut self, account: Id, name: &str, place: usize, part: u16, content: &Content) {
        let asked = self.asked.get_mut(&(account, name.to_owned())).and_then(|all| all.get_mut(place));
        if let Some(parts) = asked.and_then(|asked| asked.parts.get_mut(usize::from(part) - 1)) {
            parts.insert(content.text());
        }
    }

    /// Notes that an asset was reported as stored.
    pub fn keep(&mut self, account: usize, asset: Id, content: Option<Content>) {
        self.known.push((account, asset));
        self.kept.entry(asset).or_insert(Kept { account, content });
    }

    /// Notes the path of an asset that was reported as stored.
    pub fn keep_at(&mut self, account: usize, asset: Id, path: &str) {
        if self.replacing.contains(&(account, path.to_owned())) {
            self.deleting.insert(asset);
        }
        self.paths.insert(asset, path.to_owned());
    }

    /// Notes that an account wants the file at a path replaced: from now on any file there may be deleted.
    pub fn replace(&mut self, account: usize, path: &str) {
        self.replacing.insert((account, path.to_owned()));
        let there = self.paths.iter().filter(|(_, known)| *known == path).map(|(asset, _)| *asset);
        self.deleting.extend(there);
    }

    /// Whether an account may have these bytes under a name.
    pub fn allows(&self, account: Id, name: &str, content: &Content) -> bool {
        self.asked.get(&(account, name.to_owned())).is_some_and(|all| all.iter().any(|asked| asked.allows(content)))
    }
}
