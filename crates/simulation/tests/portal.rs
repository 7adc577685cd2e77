//! The operators' page of accounts while ledgers do not answer: how long it takes, and what it says.

use std::cell::RefCell;
use std::rc::Rc;

use jettyspeed_edge::access::caller::Caller;
use jettyspeed_edge::access::routes::ROUTES;
use jettyspeed_edge::accounts::provisioning::ProvisionParams;
use jettyspeed_edge::accounts::repository::{NewCredentials, place_ledger, provision};
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::memory_budget::Owner;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::clients::database;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::services::accounts::list;
use jettyspeed_edge::services::request::Request;
use jettyspeed_simulation::fault::Faults;
use jettyspeed_simulation::parties::name;
use jettyspeed_simulation::pool::Pools;
use jettyspeed_simulation::scheduler::Begun;
use jettyspeed_simulation::settings::Settings;
use jettyspeed_simulation::task::Role;
use jettyspeed_simulation::world::Sim;
use serde_json::Value;

/// What the page waits for ledgers, ms.
const PATIENCE_MS: u64 = 3_000;

/// Longer than what else the page does takes, ms: one statement.
const STATEMENT_MS: u64 = 50;

/// An instant at which every page is there, ms after its call.
const LONG_MS: u64 = 60_000;

fn id(number: u8) -> Id {
    Id::from_random([100 + number; 16])
}

async fn create(sim: &Sim, number: u8) {
    let params = ProvisionParams { user: name(&format!("p{number:03}")), email: "a@b".into(), tier: "pro".into() };
    let hash = Sha256Hex::of(&[100 + number]);
    let new = NewCredentials { key_hash: hash.clone(), secret_hash: hash, sealed: String::new(), sealed_until: sim.now() };
    let mut statements = provision(id(number), &params, "bucket", &new, sim.now(), Shard::MAIN);
    statements.push(place_ledger(id(number), "weur"));
    database::batch(&sim.db(Shard::MAIN).unwrap(), &statements).await.unwrap();
}

/// A page of as many accounts, of which the ledgers of `slow` do not answer: how long it took, and for which accounts it has figures.
fn page(accounts: u8, slow: &[u8]) -> (u64, Vec<u8>) {
    let settings = Settings { outage: None, skew_ms: 0, copies: false, databases: 1, pace: 1, ..Settings::draw(1) };
    let faults = Faults { quiet: true, slow: slow.iter().map(|number| id(*number).to_string()).collect(), ..Faults::default() };
    let sim = Sim::new(1, settings, Pools::default(), faults, false);
    let held = sim.clone();
    sim.begin_now(Begun::alone(Role::Client, 1, "setup"), async move {
        for number in 0..accounts {
            create(&held, number).await;
        }
    });
    sim.run_until(sim.time() + LONG_MS);
    let said: Rc<RefCell<Option<(u64, Value)>>> = Rc::default();
    let (held, into) = (sim.clone(), Rc::clone(&said));
    sim.begin_now(Begun::alone(Role::Request, 2, "page"), async move {
        let route = ROUTES.iter().find(|route| route.pattern == "/api/portal/accounts").unwrap();
        let call = Request {
            io: held.clone(),
            config: Rc::clone(&held.config),
            route,
            caller: Rc::new(Caller::Operator),
            suspended: false,
            started: held.now(),
            base: "https://edge.example".into(),
            owner: Owner::Service,
            claim: Rc::default(),
        };
        let (all, cursor) = list::page(&call, "", "p", 100).await.unwrap();
        assert_eq!((all.len(), cursor), (usize::from(accounts), None));
        into.borrow_mut().replace((held.now().since(call.started), serde_json::to_value(all).unwrap()));
    });
    sim.run_until(sim.time() + LONG_MS);
    assert_eq!(*sim.wrong.borrow(), None);
    let (ms, all) = said.take().expect("a page");
    let rows = all.as_array().unwrap().iter().zip(0..);
    let known = rows.filter(|(row, number)| {
        assert_eq!(row["agentcache_user_id"], format!("p{number:03}"));
        assert!(row["storage_quota_bytes"].is_u64(), "{row}");
        let figures = ["storage_used_bytes", "storage_reserved_bytes", "bandwidth_used_bytes", "objects", "open_uploads"].map(|name| &row[name]);
        assert!(figures.iter().all(|figure| figure.is_u64()) || figures.iter().all(|figure| figure.is_null()), "{row}");
        row["objects"].is_u64()
    });
    let known = known.map(|(_, number)| number).collect();
    sim.end();
    (ms, known)
}

#[test]
fn page_whose_ledgers_all_answer_has_all_figures_at_once() {
    let (ms, known) = page(20, &[]);
    assert!(ms <= STATEMENT_MS, "{ms} ms");
    assert_eq!(known, (0..20).collect::<Vec<_>>());
}

#[test]
fn page_waits_three_seconds_for_silent_ledgers_and_has_the_figures_of_all_others() {
    let slow = [0, 7, 19];
    let (ms, known) = page(20, &slow);
    assert!((PATIENCE_MS..=PATIENCE_MS + STATEMENT_MS).contains(&ms), "{ms} ms");
    assert_eq!(known, (0..20).filter(|number| !slow.contains(number)).collect::<Vec<_>>());
}

#[test]
fn page_of_more_accounts_than_are_asked_at_once_waits_three_seconds_in_all() {
    let slow: Vec<u8> = (0..100).collect();
    let (ms, known) = page(100, &slow);
    assert!((PATIENCE_MS..=PATIENCE_MS + STATEMENT_MS).contains(&ms), "{ms} ms");
    assert_eq!(known, [0; 0]);
}
