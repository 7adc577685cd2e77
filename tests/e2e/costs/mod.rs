//! What is billed for each action, pinned: one action at a time on a stack of its own, its log read with `crates/costs` and compared with docs/costs/counts.json.
//!
//! After a change that is meant: `COSTS_WRITE=1 script/test e2e costs::`, look at the differences, then `cargo run -p jettyspeed-costs`.

mod accounts;
mod delivery;
mod uploads;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use jettyspeed_costs::counts::{Counts, step};
use jettyspeed_costs::data::{Action, Actions, counts, write_counts};
use jettyspeed_devstack::state::AccountAccess;
use serde_json::json;

use crate::harness::{Stack, eventually};

/// How long nothing may be logged before what was done is taken to be over.
const QUIET: Duration = Duration::from_millis(400);

/// Nothing that is waited for takes longer: the ledger looks at an open upload after 60 s.
const LONGEST: Duration = Duration::from_secs(120);

/// A step of the log: its kind, and how what it says begins.
type Step = (&'static str, &'static str);

/// The ledger or an edge does what it has put off.
const ALARM: Step = ("alarm", "run");

/// An object's alarm is set.
const ALARM_SET: Step = ("alarm", "set");

/// Counts actions on a stack.
struct Counter<'a> {
    stack: &'a Stack,
    log: PathBuf,
    /// Where the log of the action begins, bytes.
    from: usize,
    /// Whether the ledger's figures are left out: when they are written depends on when its alarm was set.
    is_without_figures: bool,
    /// Whether look-ups of accounts are left out, see [`is_of_account`].
    is_without_accounts: bool,
    /// Whether settings of an alarm are left out: whether the object's alarm is still set depends on how long what was done before took.
    is_without_alarms: bool,
    actions: Actions,
}

/// The lines but for those of the ledger's figures: an alarm's run up to its next setting, and the settings that announce one.
fn without_figures<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut is_running = false;
    let is_kept = |line: &&&str| match step(line).as_ref().map(|(kind, what)| (kind.as_str(), what.as_str())) {
        Some(("alarm", what)) => {
            is_running = what == "run";
            false
        }
        Some(("sql" | "d1 batch" | "d1 rows", what)) => !(is_running && (what.contains(" books ") || what.contains(" storage_usage "))),
        _ => true,
    };
    lines.iter().filter(is_kept).copied().collect()
}

/// Whether a line is of the look-up of an account and its credentials: an isolate knows it for 30 s, a ledger for a minute, which may end at any time.
fn is_of_account(line: &str) -> bool {
    step(line).is_some_and(|(kind, what)| kind.starts_with("d1") && what.starts_with("SELECT a.id, a.agentcache_user_id"))
}

impl<'a> Counter<'a> {
    async fn of(stack: &'a Stack) -> Counter<'a> {
        let log = stack.worker.lock().await.log();
        Counter { stack, log, from: 0, is_without_figures: false, is_without_accounts: true, is_without_alarms: false, actions: Actions::new() }
    }

    fn text(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&bytes[self.from..]).into_owned()
    }

    /// Waits until nothing was logged for `time`.
    async fn quiet(&self, time: Duration) {
        let mut length = 0;
        loop {
            let now = std::fs::metadata(&self.log).unwrap().len();
            if now == length {
                return;
            }
            length = now;
            tokio::time::sleep(time).await;
        }
    }

    /// Makes the isolate know the account's credentials, the edges and their readings, as it does where there is traffic.
    async fn warm(&self, account: &AccountAccess) {
        warm(self.stack, account).await;
    }

    /// Counts what `action` and what follows from it are billed: until the first step of `later` at once, from there on later. Waits for all of `later`.
    async fn act<T>(&mut self, name: &str, later: &[Step], action: impl Future<Output = T>) -> T {
        self.quiet(QUIET).await;
        self.from = usize::try_from(std::fs::metadata(&self.log).unwrap().len()).unwrap();
        let done = action.await;
        self.quiet(QUIET).await;
        let is = |line: &str, wanted: &Step| step(line).is_some_and(|(kind, what)| kind == wanted.0 && what.starts_with(wanted.1));
        for wanted in later {
            let look =
                async || if self.text().lines().any(|line| is(line, wanted)) { Ok(()) } else { Err(format!("{name}: no step {wanted:?} yet")) };
            eventually(LONGEST, look).await;
        }
        self.quiet(2 * QUIET).await;
        let text = self.text();
        let is_left_out = |line: &str| (self.is_without_accounts && is_of_account(line)) || (self.is_without_alarms && is(line, &ALARM_SET));
        let lines: Vec<&str> = text.lines().filter(|line| !is_left_out(line)).collect();
        let lines = if self.is_without_figures { without_figures(&lines) } else { lines };
        let at = lines.iter().position(|line| later.iter().any(|wanted| is(line, wanted))).unwrap_or(lines.len());
        let action = Action { at_once: Counts::of_log(lines[..at].iter().copied()), later: Counts::of_log(lines[at..].iter().copied()) };
        self.actions.insert(name.to_owned(), action);
        done
    }

    /// Takes an action out, to calculate with it.
    fn take(&mut self, name: &str) -> Action {
        self.actions.remove(name).unwrap()
    }

    /// Compares all of it with the committed counts; with `COSTS_WRITE` it replaces them.
    fn compare(self) {
        static WRITING: Mutex<()> = Mutex::new(());
        if std::env::var_os("COSTS_WRITE").is_some() {
            let _one = WRITING.lock().unwrap();
            return write_counts(&self.actions).unwrap();
        }
        let committed = counts().unwrap();
        let text = |action: Option<&Action>| serde_json::to_string(&action).unwrap();
        let is_as = |action: &Action, committed: &Action| action.at_once.are_as(&committed.at_once, 0) && action.later.are_as(&committed.later, 1);
        let differs = self.actions.iter().filter(|(name, action)| !committed.get(*name).is_some_and(|committed| is_as(action, committed)));
        let complaints: Vec<_> =
            differs.map(|(name, action)| format!("{name}: {}, committed {}", text(Some(action)), text(committed.get(name)))).collect();
        assert!(complaints.is_empty(), "what is billed has changed:\n{}", complaints.join("\n"));
    }
}

/// See [`Counter::warm`].
async fn warm(stack: &Stack, account: &AccountAccess) {
    let (status, body) = stack.post(account, "/api/jetty/optimal-edges", json!({ "fileSize": 1 })).await;
    assert_eq!(status, 200, "{body}");
    // The ledger writes calls that follow one within a second together.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
}

/// A stack that logs every step.
async fn logging_stack() -> Stack {
    Stack::start(&[("LOG_LEVEL", "debug")]).await
}
