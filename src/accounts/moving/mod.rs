//! Moving an account with its namespace to another shard: what moves, and what keeps it from moving (docs/data-model.md, Moving an account).

pub mod repository;

use serde::Deserialize;

use crate::base::id::Id;
use crate::base::json::null_as_default;
use crate::base::shard::Shard;
use crate::base::sql::flag;
use crate::problem::Problem;

/// Pages of one job.
pub const PAGES_PER_JOB: u32 = 50;

/// What ties an account to its shard: one row of [`repository::ties`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ties {
    #[serde(deserialize_with = "flag")]
    member_elsewhere: bool,
    #[serde(deserialize_with = "flag")]
    has_members: bool,
    #[serde(deserialize_with = "flag")]
    things_elsewhere: bool,
    #[serde(deserialize_with = "flag")]
    things_of_others: bool,
    #[serde(deserialize_with = "flag")]
    shares_bytes: bool,
}

impl Ties {
    /// Whether the account can be moved alone.
    ///
    /// # Errors
    /// [`Problem::NotMovable`] with the first tie.
    pub fn check(&self) -> Result<(), Problem> {
        let ties = [
            (self.member_elsewhere, "is a member of a shared namespace"),
            (self.has_members, "has other members in its own namespace"),
            (self.things_elsewhere, "has files or videos in another namespace"),
            (self.things_of_others, "has files, videos or uploads of others in its own namespace"),
            (self.shares_bytes, "shares bytes with another namespace"),
        ];
        match ties.into_iter().find(|(tied, _)| *tied) {
            Some((_, reason)) => Err(Problem::NotMovable { reason }),
            None => Ok(()),
        }
    }
}

/// What a move has to do next: one row of [`crate::accounts::directory::repository::move_step`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// The move.
    pub move_id: Id,
    /// From which shard to which, and the step: JSON.
    pub step: String,
}

/// Body of `POST /api/portal/accounts/{user}/move`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MoveAccount"))]
pub struct MoveRequest {
    /// The shard to move it to.
    pub shard: Shard,
    /// Whether a move that is under way is begun anew.
    #[serde(default, deserialize_with = "null_as_default")]
    pub restart: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn tie_to_others_names_itself() {
        let none = serde_json::json!({ "member_elsewhere": 0, "has_members": 0, "things_elsewhere": 0, "things_of_others": 0, "shares_bytes": 0 });
        let ties = |value: &Value| serde_json::from_value::<Ties>(value.clone()).unwrap();
        assert_eq!(ties(&none).check(), Ok(()));
        for (name, word) in [
            ("member_elsewhere", "member"),
            ("has_members", "members"),
            ("things_elsewhere", "another"),
            ("things_of_others", "others"),
            ("shares_bytes", "bytes"),
        ] {
            let mut tied = none.clone();
            tied[name] = 1.into();
            assert!(matches!(ties(&tied).check(), Err(Problem::NotMovable { reason }) if reason.contains(word)), "{name}");
        }
    }
}
