//! Counts of what is billed, from the lines of the Worker's debug log (`LOG_LEVEL=debug`, `src/worker/platform/log.rs`).

use std::collections::BTreeMap;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is counted. In the order of the document; most have a price ([`crate::prices`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Requests of clients, batches of the queue and runs of the cron trigger.
    Requests,
    /// CPU time, ms.
    CpuMs,
    /// Requests to Durable Objects, alarms included.
    ObjectRequests,
    /// Duration of Durable Objects, GB-s.
    ObjectGbS,
    /// Rows read from the SQLite of Durable Objects.
    ObjectRowsRead,
    /// Rows written there; setting an alarm is one.
    ObjectRowsWritten,
    /// Storage of Durable Objects, GB-months.
    ObjectGbMonth,
    /// Calls of D1: not billed, but each is a round trip.
    D1Calls,
    /// Rows read from D1.
    D1RowsRead,
    /// Rows written to D1, indexes included.
    D1RowsWritten,
    /// Storage of D1, GB-months.
    D1GbMonth,
    /// Keys read from KV.
    KvReads,
    /// Keys written.
    KvWrites,
    /// Keys deleted.
    KvDeletes,
    /// Lists of keys.
    KvLists,
    /// Storage of KV, GB-months.
    KvGbMonth,
    /// Messages written to, read from and deleted from the queue.
    QueueOperations,
    /// Look-ups in the PoP's cache.
    CacheMatches,
    /// Entries stored there.
    CachePuts,
    /// Entries deleted there.
    CacheDeletes,
    /// Requests to the store.
    StoreRequests,
    /// Storage at the store, GB-months.
    StoreGbMonth,
}

/// How many of each; what is absent is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(pub BTreeMap<Item, u64>);

impl Counts {
    /// How many.
    pub fn of(&self, item: Item) -> u64 {
        self.0.get(&item).copied().unwrap_or_default()
    }

    /// The counts of a log.
    pub fn of_log<'a>(lines: impl IntoIterator<Item = &'a str>) -> Counts {
        let mut counts = Counts::default();
        for line in lines {
            for (item, number) in billed(line) {
                counts.count(item, number);
            }
        }
        counts
    }

    fn count(&mut self, item: Item, number: u64) {
        if number > 0 {
            *self.0.entry(item).or_default() += number;
        }
    }

    /// Whether these are what is `committed`. Rows read may differ by two, or by half: what an object has in memory and where an index ends depend on what was
    /// done before, and a million rows read cost a tenth of a cent. Look-ups in the cache, which cost nothing, may, too. `reports` is how many more or fewer reports
    /// to a Durable Object there may be, because an action took more than a second.
    pub fn are_as(&self, committed: &Counts, reports: u64) -> bool {
        self.0.keys().chain(committed.0.keys()).all(|item| {
            let (here, there) = (self.of(*item), committed.of(*item));
            let leeway = match item {
                Item::ObjectRowsRead | Item::D1RowsRead | Item::CacheMatches => 2.max(there / 2),
                Item::ObjectRequests | Item::ObjectRowsWritten => reports,
                _ => 0,
            };
            here.abs_diff(there) <= leeway
        })
    }

    /// `times` of it.
    #[must_use]
    pub fn times(&self, times: u64) -> Counts {
        Counts(self.0.iter().map(|(item, number)| (*item, number * times)).filter(|(_, number)| *number > 0).collect())
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(mut self, other: Counts) -> Counts {
        for (item, number) in other.0 {
            self.count(item, number);
        }
        self
    }
}

/// What is left, never less than nothing.
impl Sub for Counts {
    type Output = Counts;

    fn sub(self, other: Counts) -> Counts {
        Counts(self.0.into_iter().map(|(item, number)| (item, number.saturating_sub(other.of(item)))).filter(|(_, number)| *number > 0).collect())
    }
}

/// An event of the log: its name and fields. The runtime may write something before it.
pub fn event(line: &str) -> Option<(String, Value)> {
    let mut event: Value = serde_json::from_str(line.get(line.find("{\"event\"")?..)?).ok()?;
    Some((event["event"].as_str()?.to_owned(), event["fields"].take()))
}

/// The kind of a step and what it says of itself; None for other lines.
pub fn step(line: &str) -> Option<(String, String)> {
    let (name, fields) = event(line)?;
    let text = |field: &str| fields[field].as_str().unwrap_or_default().to_owned();
    (name == "step").then(|| (text("kind"), text("what")))
}

/// What a line stands for.
fn billed(line: &str) -> Vec<(Item, u64)> {
    let Some((name, fields)) = event(line) else { return Vec::new() };
    if name == "request" {
        return vec![(Item::Requests, 1)];
    }
    if name != "step" {
        return Vec::new();
    }
    let rows =
        |read, written| vec![(read, fields["rowsRead"].as_u64().unwrap_or_default()), (written, fields["rowsWritten"].as_u64().unwrap_or_default())];
    match (fields["kind"].as_str().unwrap_or_default(), fields["what"].as_str().unwrap_or_default()) {
        ("run", _) => vec![(Item::Requests, 1)],
        ("object", _) | ("alarm", "run") => vec![(Item::ObjectRequests, 1)],
        ("alarm", "set") => vec![(Item::ObjectRowsWritten, 1)],
        ("sql", _) => rows(Item::ObjectRowsRead, Item::ObjectRowsWritten),
        ("d1" | "d1 batch", _) => vec![(Item::D1Calls, 1)],
        ("d1 rows", _) => rows(Item::D1RowsRead, Item::D1RowsWritten),
        ("kv", "read") => vec![(Item::KvReads, 1)],
        ("kv", "write") => vec![(Item::KvWrites, 1)],
        ("kv", "delete") => vec![(Item::KvDeletes, 1)],
        ("kv", "list") => vec![(Item::KvLists, 1)],
        ("queue", _) => vec![(Item::QueueOperations, 1)],
        ("cache", "match") => vec![(Item::CacheMatches, 1)],
        ("cache", "put") => vec![(Item::CachePuts, 1)],
        ("cache", "delete") => vec![(Item::CacheDeletes, 1)],
        ("origin", _) => vec![(Item::StoreRequests, 1)],
        // Where the object of the next line would be created.
        ("location hint", _) => Vec::new(),
        // The same request, as its object sees it.
        ("in object", _) => Vec::new(),
        (kind, what) => panic!("a step that nobody counts: {kind} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_rows_read_are_compared_exactly() {
        let of = |read, written| Counts([(Item::D1RowsRead, read), (Item::D1RowsWritten, written)].into());
        assert!(of(40, 3).are_as(&of(60, 3), 0) && of(5, 3).are_as(&of(7, 3), 0) && Counts::default().are_as(&of(2, 0), 0));
        assert!(!of(40, 3).are_as(&of(82, 3), 1) && !of(5, 3).are_as(&of(11, 3), 1));
        assert!(!of(5, 3).are_as(&of(5, 4), 1) && !of(5, 3).are_as(&Counts::default(), 1));
        let requests = |number| Counts([(Item::ObjectRequests, number)].into());
        assert!(requests(3).are_as(&requests(2), 1) && !requests(3).are_as(&requests(2), 0) && !requests(4).are_as(&requests(2), 1));
    }

    #[test]
    fn lines_of_a_part_are_counted_and_others_ignored() {
        let log = r#"
            noise of the runtime
            {"event":"step","fields":{"kind":"origin","what":"PUT"}}
            {"event":"step","fields":{"kind":"object","what":"record"}}
            {"event":"step","fields":{"kind":"sql","what":"INSERT INTO parts","rowsRead":0,"rowsWritten":2}}
            {"event":"step","fields":{"kind":"sql","what":"SELECT","rowsRead":3,"rowsWritten":0}}
            {"event":"step","fields":{"kind":"alarm","what":"set"}}
            {"event":"problem","fields":{"code":"not-found"}}
            prefix {"event":"request","fields":{"method":"POST","status":200}}"#;
        let counts = Counts::of_log(log.lines());
        let expected =
            [(Item::Requests, 1), (Item::ObjectRequests, 1), (Item::ObjectRowsRead, 3), (Item::ObjectRowsWritten, 3), (Item::StoreRequests, 1)];
        assert_eq!(counts, Counts(expected.into()));
        let twice = counts.clone() + counts.clone();
        assert_eq!((twice.clone(), twice - counts.clone()), (counts.times(2), counts));
    }

    #[test]
    #[should_panic(expected = "nobody counts: telepathy")]
    fn unknown_step_is_refused() {
        Counts::of_log([r#"{"event":"step","fields":{"kind":"telepathy","what":"read"}}"#]);
    }
}
