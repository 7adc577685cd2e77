//! HeadObject.

use crate::s3::action::{Action, action};

/// HeadObject.
pub fn head_object(key: &str) -> Action {
    action("HEAD", Some(key), &[])
}
