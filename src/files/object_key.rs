//! Object keys at the store: `users/<user id>/o/<object id>`. Names of files never become keys.

use crate::base::id::{Id, Name};

/// The object key of an uploaded file (SPEC section 4, "Keys"): opaque, so that no file name ever meets a URL parser.
pub fn file_key(user_id: &Name, object: Id) -> String {
    format!("users/{user_id}/o/{object}")
}

/// Whether a key at the origin is of the layout of ours (SPEC section 4, "Keys"): sweeps touch nothing else.
pub fn is_key_of_ours(key: &str) -> bool {
    let mut segments = key.split('/');
    let root = segments.next();
    let user = matches!(root, Some("users" | "ns")) && segments.next().and_then(Name::parse).is_some();
    let rest = match segments.next() {
        // Shared namespaces have videos only.
        Some("o") if root == Some("users") => segments.next().and_then(Id::parse).is_some() && segments.next().is_none(),
        Some("v") => segments.next().and_then(Name::parse).is_some() && segments.next().is_some_and(|path| !path.is_empty()),
        _ => false,
    };
    user && rest
}
