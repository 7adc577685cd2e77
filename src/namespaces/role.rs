//! What an account is in a namespace.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Role of a member (docs/accounts.md, "Namespaces").
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Changes its own things, reads what the namespace shares.
    #[default]
    Member,
    /// Also changes others' things, and the namespace's name and TTLs.
    Manager,
}

impl Role {
    /// The value in D1 and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Manager => "manager",
        }
    }
}

/// Body of `PUT /api/portal/namespaces/{ns}/members/{user}`, which may be empty.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Membership {
    #[serde(default)]
    role: Option<String>,
}

impl Membership {
    /// The role.
    ///
    /// # Errors
    /// [`Problem::Invalid`] for `role`.
    pub fn check(self) -> Result<Role, Problem> {
        match self.role.as_deref() {
            None | Some("member") => Ok(Role::Member),
            Some("manager") => Ok(Role::Manager),
            Some(_) => Err(Problem::invalid("role", "must be member or manager")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json_body;

    #[test]
    fn role_is_member_unless_the_body_names_another() {
        let check = |body: &str| json_body::parse::<Membership>(body.as_bytes()).and_then(Membership::check);
        for (body, role) in [
            ("{}", Role::Member),
            (r#"{"role":null}"#, Role::Member),
            (r#"{"role":"member"}"#, Role::Member),
            (r#"{"role":"manager","since":1}"#, Role::Manager),
        ] {
            assert_eq!(check(body), Ok(role), "{body}");
        }
        for body in [r#"{"role":"owner"}"#, r#"{"role":"Manager"}"#, r#"{"role":""}"#, r#"{"role":1}"#, r#"{"role":["manager"]}"#] {
            assert!(matches!(check(body), Err(Problem::Invalid { field, .. }) if field == "role"), "{body}");
        }
        assert_eq!(Membership::default().check(), Ok(Role::Member));
        assert_eq!([Role::Member, Role::Manager].map(Role::as_str), ["member", "manager"]);
    }
}
