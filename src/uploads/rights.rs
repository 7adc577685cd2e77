//! Whether the rights that an upload was started with still exist (docs/uploads.md, "The end of a right").

use serde::Deserialize;

use crate::base::sql::flag;
use crate::problem::{AuthFailure, Problem};
use crate::uploads::session::state::Status;

/// What D1 has of the rights behind an upload: one row of [`crate::uploads::repository::rights`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rights {
    /// `active` or `suspended`.
    status: String,
    /// Whether the account is in the upload's namespace.
    #[serde(deserialize_with = "flag")]
    pub is_member: bool,
    /// Whether credentials of that generation are valid.
    #[serde(deserialize_with = "flag")]
    has_key: bool,
}

impl Rights {
    /// Checks all of them.
    ///
    /// # Errors
    /// [`AuthFailure::Revoked`] after a rotation whose overlap has ended; [`Problem::Suspended`]; [`Problem::UploadClosed`] after a removal from the namespace,
    /// which fails the upload.
    pub fn check(&self) -> Result<(), Problem> {
        if !self.has_key {
            return Err(Problem::Unauthenticated(AuthFailure::Revoked));
        }
        if self.status != "active" {
            return Err(Problem::Suspended);
        }
        if !self.is_member {
            return Err(Problem::UploadClosed { status: Status::Failed.as_str() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_that_ended_has_its_own_refusal() {
        let revoked = Err(Problem::Unauthenticated(AuthFailure::Revoked));
        let failed = Err(Problem::UploadClosed { status: "failed" });
        for (status, is_member, has_key, expected) in [
            ("active", 1, 1, Ok(())),
            ("active", 1, 0, revoked.clone()),
            ("active", 0, 1, failed.clone()),
            ("suspended", 1, 1, Err(Problem::Suspended)),
            // A revoked token learns nothing of the account.
            ("suspended", 0, 0, revoked),
            ("suspended", 0, 1, Err(Problem::Suspended)),
        ] {
            let row = serde_json::json!({ "status": status, "is_member": is_member, "has_key": has_key });
            assert_eq!(serde_json::from_value::<Rights>(row.clone()).unwrap().check(), expected, "{row}");
        }
    }
}
