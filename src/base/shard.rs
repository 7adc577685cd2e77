//! Shards: D1 databases of at most 10 GB each. An account lives in one of them, with its namespaces and everything in them (docs/data-model.md, Shards).

use serde::{Deserialize, Serialize};

/// Shards at most.
const MAX_SHARDS: u8 = 100;

/// The number of a database: 0 is the binding `DB`, n is `DB_n`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Shard(u8);

impl Shard {
    /// The first one, which also has the directory and what belongs to no account.
    pub const MAIN: Shard = Shard(0);

    /// 0..=99; `None` for others.
    pub fn new(number: u8) -> Option<Shard> {
        (number < MAX_SHARDS).then_some(Shard(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether it is the first one.
    pub fn is_main(&self) -> bool {
        *self == Shard::MAIN
    }

    /// The name of its binding.
    pub fn binding(self) -> String {
        if self.is_main() { "DB".to_owned() } else { format!("DB_{}", self.0) }
    }

    /// The first `count` shards.
    pub fn first(count: u8) -> impl Iterator<Item = Shard> {
        (0..count.clamp(1, MAX_SHARDS)).map(Shard)
    }
}

impl TryFrom<u8> for Shard {
    type Error = &'static str;
    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Shard::new(number).ok_or("must be below 100")
    }
}

/// What a look-up of a database is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read only.
    Read,
    /// To change something, or to read what a change depends on.
    Write,
}

/// Where the directory says that something lives.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Whereabouts {
    /// The shard.
    pub shard: Shard,
    /// Whether its account is being moved to another shard.
    #[serde(deserialize_with = "crate::base::sql::flag")]
    pub moving: bool,
}

impl Whereabouts {
    /// The shard, unless what it is for has to wait: while an account is moved it can only be read.
    pub fn open_for(self, access: Access) -> Option<Shard> {
        (!self.moving || access == Access::Read).then_some(self.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_numbered_from_0_and_bound_by_number() {
        let names: Vec<String> = Shard::first(3).map(Shard::binding).collect();
        assert_eq!(names, ["DB", "DB_1", "DB_2"]);
        assert_eq!((Shard::first(0).count(), Shard::first(255).count()), (1, 100));
        assert_eq!((Shard::new(99).map(Shard::number), Shard::new(100)), (Some(99), None));
        assert_eq!(serde_json::to_string(&Shard(3)).unwrap(), "3");
        assert!(serde_json::from_str::<Shard>("3").is_ok_and(|shard| !shard.is_main()) && serde_json::from_str::<Shard>("100").is_err());
    }

    #[test]
    fn account_that_is_moved_can_be_read_only() {
        let at = |moving| Whereabouts { shard: Shard(1), moving };
        assert_eq!((at(false).open_for(Access::Read), at(false).open_for(Access::Write)), (Some(Shard(1)), Some(Shard(1))));
        assert_eq!((at(true).open_for(Access::Read), at(true).open_for(Access::Write)), (Some(Shard(1)), None));
        assert_eq!(Whereabouts::default(), Whereabouts { shard: Shard::MAIN, moving: false });
        assert_eq!(serde_json::from_str::<Whereabouts>(r#"{"shard":1,"moving":0}"#).unwrap(), at(false));
    }
}
