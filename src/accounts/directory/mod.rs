//! The directory: which shard has an account, a key, a user or a namespace (docs/data-model.md, Shards).

pub mod repository;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;

/// Something that lives in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// An account.
    Account(Id),
    /// The account of a key.
    Key(&'a Sha256Hex),
    /// A namespace.
    Namespace(&'a Name),
    /// The account of a user.
    User(&'a Name),
}

impl Item<'_> {
    /// Kind and name, as in the table.
    pub fn row(&self) -> (&'static str, String) {
        match self {
            Item::Account(id) => ("account", id.to_string()),
            Item::Key(hash) => ("key", hash.as_str().to_owned()),
            Item::Namespace(name) => ("namespace", name.to_string()),
            Item::User(name) => ("user", name.to_string()),
        }
    }
}

/// How long an isolate remembers where something lives, ms.
pub const KNOWN_MS: u64 = 15_000;

/// How long an account that is moved can not be changed before it is copied and after it has changed its shard, s: until every isolate knows that, and what
/// began before has ended.
pub const SETTLE_SECONDS: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_names_are_those_of_the_table() {
        let (id, hash, name) = (Id::from_random([1; 16]), Sha256Hex::of(b"k"), Name::parse("n").unwrap());
        let row = |kind, name: &str| (kind, name.to_owned());
        assert_eq!(Item::Account(id).row(), row("account", &id.to_string()));
        assert_eq!(Item::Key(&hash).row(), row("key", hash.as_str()));
        assert_eq!(Item::Namespace(&name).row(), row("namespace", "n"));
        assert_eq!(Item::User(&name).row(), row("user", "n"));
    }
}
