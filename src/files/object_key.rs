//! Object keys at the store: `users/<user id>/o/<object id>`. File names never become part of a key.

use crate::base::id::{Id, Name};

/// The object key of an uploaded file (docs/uploads.md, "Keys at the store"): without the file name, so that no URL parser ever has to handle it.
pub fn file_key(user_id: &Name, object: Id) -> String {
    format!("users/{user_id}/o/{object}")
}

/// Whether a key at the store has the layout of this service's keys (docs/uploads.md, "Keys at the store"): cleanup touches no other keys.
pub fn is_key_of_ours(key: &str) -> bool {
    let mut segments = key.split('/');
    let root = segments.next();
    let user = matches!(root, Some("users" | "ns")) && segments.next().and_then(Name::parse).is_some();
    let rest = match segments.next() {
        // Namespaces shared by several accounts store videos only.
        Some("o") if root == Some("users") => segments.next().and_then(Id::parse).is_some() && segments.next().is_none(),
        Some("v") => segments.next().and_then(Name::parse).is_some() && segments.next().is_some_and(|path| !path.is_empty()),
        _ => false,
    };
    user && rest
}
