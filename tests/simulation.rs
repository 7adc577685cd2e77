//! Uploads, deduplication and quota against a model of plain sets: random histories of clients, jobs and alarms, interleaved call by call, with crashes,
//! lost answers and repetitions; when nothing is pending, the store and databases contain exactly what was reported to clients.
//!
//! Real: the state machines of sessions and ledgers, every decision that is a plain function, every statement, on SQLite with the migrations.
//! Simulated: the store, the queue, the clock, and the files that exist on wasm32 only ([`simulation::wiring`]), call for call in their order.

mod sqlite;

mod simulation {
    pub mod check;
    pub mod clients;
    pub mod database;
    pub mod faults;
    pub mod history;
    pub mod incidents;
    pub mod ledgers;
    pub mod model;
    pub mod parties;
    pub mod queue;
    pub mod run;
    pub mod sessions;
    pub mod store;
    pub mod wiring;
    pub mod world;
}

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use simulation::{history, incidents, run};

/// Histories in all.
const CASES: u32 = 100_000;
/// Threads that share them.
const THREADS: u32 = 2;

/// How many histories each call, and each thing that can come of one, was in.
type Seen = BTreeMap<&'static str, u32>;

/// Set once a history failed: the other thread need not go on.
static FAILED: AtomicBool = AtomicBool::new(false);

fn explore(cases: u32) -> Result<Seen, String> {
    let (run, found, seen) = (Cell::new(0), Cell::new(None), RefCell::new(Seen::new()));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let outcome = TestRunner::new(config).run(&history::histories(), |history| {
        run.set(run.get() + 1);
        if FAILED.load(Ordering::Relaxed) && found.get().is_none() {
            return Ok(());
        }
        let calls = run::run(&history).map_err(|wrong| {
            found.set(found.get().or(Some(run.get())));
            FAILED.store(true, Ordering::Relaxed);
            TestCaseError::fail(wrong)
        })?;
        calls.into_iter().for_each(|call| *seen.borrow_mut().entry(call).or_default() += 1);
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(seen.into_inner()),
        Err(TestError::Fail(wrong, history)) => Err(format!("after {} histories:\n{history}\n{wrong}", found.get().unwrap_or_default())),
        Err(TestError::Abort(why)) => Err(why.to_string()),
    }
}

#[test]
fn at_rest_the_world_holds_what_its_clients_were_told() {
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| explore(CASES.div_ceil(THREADS)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Seen::new();
    for outcome in outcomes {
        let seen = outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
        seen.into_iter().for_each(|(call, histories)| *all.entry(call).or_default() += histories);
    }
    println!("{all:#?}");
    for refused in ["storage quota exceeded", "too many objects", "too many uploads"] {
        assert!(all.contains_key(refused), "no history had {refused}");
    }
}

#[test]
fn what_once_went_wrong_goes_well() {
    let known = [
        (incidents::bytes_that_could_not_be_taken_back(), "delete what was put"),
        (incidents::deleted_while_it_was_taken_back(), "delete what may be inserted"),
        (incidents::a_late_join_that_died(), "merge"),
        (incidents::a_late_join_whose_job_came_too_late(), "merge"),
    ];
    for (history, about) in known {
        let seen = run::run(&history).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(seen.contains(about), "it is about {about}: {seen:?}");
    }
}
