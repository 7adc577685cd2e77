//! DeleteObject.

use crate::s3::action::{Action, action};

/// DeleteObject. Answers 204 also when there is nothing to delete.
pub fn delete_object(key: &str) -> Action {
    action("DELETE", Some(key), &[])
}
