//! Moving an account with its namespace to another shard, in steps of one job each (docs/data-model.md, Moving an account).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::{Id, Name};
use crate::base::shard::Shard;

/// A move: which account, from where, to where. Persisted in jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Of this move: one that is begun anew gets another, and what the earlier one still does has no effect.
    pub id: Id,
    /// The account.
    pub account: Id,
    /// Its own namespace.
    pub namespace: Name,
    /// The shard that it leaves.
    pub from: Shard,
    /// The shard that it goes to.
    pub to: Shard,
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Delete what an earlier attempt left where the account goes to: the rows of this table and of those before it.
    Clean(usize),
    /// Copy the rows of this table behind the last one that was copied, and those of the tables after it.
    Copy(usize, Vec<Value>),
    /// Compare the numbers of rows, and say that the account is where it goes to.
    Switch,
    /// Let it be changed again.
    Open,
    /// Delete the rows of this table where the account was, and those of the tables before it.
    Remove(usize),
}

impl Step {
    /// The first step; an account has rows in `tables` tables.
    pub fn first(tables: usize) -> Step {
        Step::Clean(tables.saturating_sub(1))
    }

    /// What follows a page: `last` is the cursor of its last row if it was full. `None` after the last step.
    pub fn after_page(&self, last: Option<Vec<Value>>, tables: usize) -> Option<Step> {
        match (self, last) {
            (Step::Clean(_) | Step::Remove(_), Some(_)) => Some(self.clone()),
            (Step::Clean(table), None) => Some(table.checked_sub(1).map_or(Step::Copy(0, vec![]), Step::Clean)),
            (Step::Copy(table, _), Some(cursor)) => Some(Step::Copy(*table, cursor)),
            (Step::Copy(table, _), None) if table.saturating_add(1) < tables => Some(Step::Copy(table.saturating_add(1), vec![])),
            (Step::Copy(..), None) => Some(Step::Switch),
            (Step::Remove(table), None) => table.checked_sub(1).map(Step::Remove),
            (Step::Switch, _) => Some(Step::Open),
            (Step::Open, _) => Some(Step::Remove(tables.saturating_sub(1))),
        }
    }

    /// Whether every isolate must have learnt what the step before did.
    pub fn must_settle(&self, tables: usize) -> bool {
        let removes = Step::Remove(tables.saturating_sub(1));
        matches!(self, Step::Open) || *self == Step::first(tables) || *self == removes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn move_cleans_copies_switches_opens_and_removes_each_table_in_turn() {
        let (last, tables) = (2, 3);
        let mut step = Step::first(tables);
        assert_eq!(step, Step::Clean(last));
        assert_eq!(step.after_page(Some(vec![]), tables), Some(Step::Clean(last)), "a full page is followed by another");
        let mut steps = vec![step.clone()];
        while let Some(next) = step.after_page(None, tables) {
            steps.push(next.clone());
            step = next;
        }
        let expected: Vec<Step> = (0..=last)
            .rev()
            .map(Step::Clean)
            .chain((0..=last).map(|table| Step::Copy(table, vec![])))
            .chain([Step::Switch, Step::Open])
            .chain((0..=last).rev().map(Step::Remove))
            .collect();
        assert_eq!(steps, expected);
        let cursor = vec![Value::from("a"), Value::from(5)];
        assert_eq!(Step::Copy(1, vec![]).after_page(Some(cursor.clone()), tables), Some(Step::Copy(1, cursor)));
        let settling: Vec<&Step> = steps.iter().filter(|step| step.must_settle(tables)).collect();
        assert_eq!(settling, [&Step::Clean(last), &Step::Open, &Step::Remove(last)], "what changes its shard is known everywhere first");
    }
}
