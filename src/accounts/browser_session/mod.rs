//! Browsers that are signed in to the dashboard (docs/accounts.md, "Signing in with a browser").

pub mod repository;

use serde::{Deserialize, Serialize};

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;

/// Maximum sessions of one owner: with one more the oldest ends.
pub const MAX_OF_OWNER: u64 = 20;

/// Maximum length of a browser's name for itself that is kept, bytes.
const MAX_USER_AGENT: usize = 200;

/// The owner of operators' sessions.
const OPERATOR: &str = "operator";

/// Whose session it is, as the database has it.
pub fn owner(account: Option<Id>) -> String {
    account.map_or_else(|| OPERATOR.to_owned(), |account| account.to_string())
}

/// The beginning of a `User-Agent` that is kept, without control characters.
pub fn user_agent(given: Option<&str>) -> String {
    let mut text: String = given.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    text.truncate(text.floor_char_boundary(MAX_USER_AGENT));
    text
}

/// A session: one row of [`repository::find`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BrowserSession {
    /// Its id.
    pub id: Id,
    /// The account's id, or `operator`.
    pub owner: String,
    /// Hash of the key that it was opened with; of an operator's, a mark of the token: it ends with either.
    pub proof: String,
    /// When it began.
    pub created_at: EpochMs,
    /// Valid before this instant.
    pub expires_at: EpochMs,
    /// What the browser calls itself.
    pub user_agent: String,
    /// ISO 3166-1 code of where it was opened.
    pub country: Option<String>,
}

impl BrowserSession {
    /// Whether it is an operator's.
    pub fn is_operators(&self) -> bool {
        self.owner == OPERATOR
    }
}

/// A session as its owner sees it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrowserSessionView {
    id: Id,
    created_at: String,
    expires_at: String,
    user_agent: String,
    country: Option<String>,
    is_current: bool,
}

impl BrowserSessionView {
    /// That of `session`; `current`: the one that asks.
    pub fn new(session: &BrowserSession, current: Option<Id>) -> BrowserSessionView {
        BrowserSessionView {
            id: session.id,
            created_at: session.created_at.rfc3339(),
            expires_at: session.expires_at.rfc3339(),
            user_agent: session.user_agent.clone(),
            country: session.country.clone(),
            is_current: current == Some(session.id),
        }
    }
}

/// Who is signed in.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedIn {
    /// The browser's session; null for a caller without one.
    pub id: Option<Id>,
    /// `account` or `operator`.
    pub kind: &'static str,
    /// The platform's id of the user; null for an operator.
    pub agentcache_user_id: Option<Name>,
    /// The account's tier.
    pub tier: Option<String>,
    /// The namespace that came with the account.
    pub namespace: Option<Name>,
    /// When the session ends.
    pub expires_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_user_agent_has_no_control_characters_and_ends_at_a_character() {
        assert_eq!(user_agent(Some("Mozilla/5.0\r\nx\u{7f}")), "Mozilla/5.0x");
        assert_eq!(user_agent(Some(&"ä".repeat(150))).len(), 200);
        assert_eq!(user_agent(Some(&format!("x{}", "ä".repeat(150)))).len(), 199);
        assert_eq!(user_agent(None), "");
    }
}
