//! Object keys at the store: `users/<user id>/o/<object id>`. File names never become part of a key.

use crate::base::id::{Id, Name};

/// The object key of an uploaded file (docs/uploads.md, "Keys at the store"): without the file name, so that no URL parser ever has to handle it.
pub fn file_key(user_id: &Name, object: Id) -> String {
    format!("users/{user_id}/o/{object}")
}

/// Whether a key at the store has the layout of this service's keys (docs/uploads.md, "Keys at the store"): cleanup touches no other keys.
pub fn is_known_key(key: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_documented_layout_are_recognised() {
        let id = Id::from_random([7; 16]);
        let user = Name::parse("u1").unwrap();
        assert_eq!(file_key(&user, id), "users/u1/o/07070707-0707-4707-8707-070707070707");
        assert!(is_known_key(&file_key(&user, id)) && is_known_key("users/u1/v/film/720p/a.ts") && is_known_key("ns/x/v/film/a.ts"));
        for foreign in
            ["", "users/", "users/u1/o/x", "users/u1/o/07070707-0707-4707-8707-070707070707/x", "users//o/x", "other/u1/o/x", "users/u1/v/film"]
        {
            assert!(!is_known_key(foreign), "{foreign}");
        }
    }
}
