//! What clients do. Each family of operations has its own file; a history draws from all of them.

pub mod accounts;
pub mod admission;
pub mod backend;
pub mod bandwidth;
pub mod files;
pub mod intrusion;
pub mod keys;
pub mod moves;
pub mod namespaces;
pub mod sessions;
pub mod upload;
pub mod videos;

use std::future::Future;
use std::rc::Rc;

use jettyspeed_edge::access::caller::Caller;
use jettyspeed_edge::access::routes::{self, Route};
use jettyspeed_edge::accounts::account::Account;
use jettyspeed_edge::accounts::repository::by_key;
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::memory_budget::Owner;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::problem::{AuthFailure, Problem};
use jettyspeed_edge::services::reply::Reply;
use jettyspeed_edge::services::request::Request;
use serde_json::Value;

use crate::administration::Admin;
use crate::history::Op;
use crate::parties::key_hash;
use crate::scheduler::Begun;
use crate::task::Role as TaskRole;
use crate::world::Sim;

/// The longest time for which a request runs, ms. The platform has no such limit while a client waits; the service takes two hours for it.
const REQUEST_MS: u64 = 6_000_000;

/// What a client is told: an answer, a problem, or nothing.
pub type Told = Option<Result<Reply, Problem>>;

/// A client of an account.
#[derive(Clone)]
pub struct Client {
    /// The world.
    pub sim: Sim,
    /// The account.
    pub account: usize,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub enum As {
    /// The account.
    Account,
    /// The holder of an upload token.
    Token(String),
    /// The identity backend.
    Backend,
    /// The same with a webhook id.
    Webhook(String),
    /// The operator.
    Operator,
    /// The holder of credentials, given as the hashes of key and secret.
    Key(Sha256Hex, Sha256Hex),
}

impl Client {
    /// Sends a request and waits for its answer. `work` gets the request behind its authentication.
    pub async fn request<F>(
        &self,
        service: &'static str,
        (method, path): (&'static str, &'static str),
        sender: As,
        work: impl FnOnce(Request<Sim>) -> F + 'static,
    ) -> Told
    where
        F: Future<Output = Result<Reply, Problem>> + 'static,
    {
        let (sim, account) = (self.sim.clone(), self.account);
        let fence = admission::fence(&self.sim, account, service, &sender);
        let begun = Begun { service, ..Begun::by(&self.sim, TaskRole::Request, service) };
        let (number, answer) = self.sim.begin_with_result(begun, async move {
            let call = if sim.settings.administered {
                let (route, _) = routes::find(method, path)?;
                let (caller, owner, suspended) = admission::enter(&sim, route, account, &sender).await?;
                of(&sim, route, caller, owner, suspended)
            } else {
                authenticated(&sim, account, (method, path), &sender)?
            };
            work(call).await
        });
        self.sim.limit(number, REQUEST_MS);
        let told = answer.await;
        let outcome = match &told {
            None => "no answer".to_owned(),
            Some(Ok(reply)) => reply.status.to_string(),
            Some(Err(problem)) => problem.kind().code.to_owned(),
        };
        self.sim.note(self.sim.current(), crate::fault::Port::Wait, crate::fault::Fault::None, || format!("{service}: {outcome}"));
        self.sim.coverage.borrow_mut().outcome(service, outcome);
        if let Some(fence) = fence {
            admission::judge(&self.sim, &fence, service, &told);
        }
        told
    }

    /// Whether a body that this client sends breaks off: one in twenty, in bad weather.
    pub fn body_breaks(&self) -> bool {
        let may = !self.sim.is_quiet() && self.sim.settings.most > 5;
        may && self.sim.tasks.borrow_mut()[self.sim.current()].rng.u32(0..20) == 0
    }

    /// Waits.
    pub async fn wait(&self, ms: u64) {
        crate::task::Pause::new(&self.sim, ms).await;
    }
}

fn authenticated(sim: &Sim, account: usize, (method, path): (&'static str, &str), sender: &As) -> Result<Request<Sim>, Problem> {
    let (route, _) = routes::find(method, path)?;
    let (caller, owner) = match sender {
        As::Account => {
            let found = account_of(sim, account).ok_or(Problem::Unauthenticated(AuthFailure::Invalid))?;
            let owner = Owner::Account(found.id);
            (Caller::Account(Rc::new(found)), owner)
        }
        As::Token(token) => {
            let claims = UploadClaims::open(token, &sim.config.token_keys, sim.now()).map_err(Problem::Unauthenticated)?;
            let owner = Owner::Account(claims.account);
            (Caller::Token(Box::new(claims)), owner)
        }
        As::Backend => (Caller::Webhook(None), Owner::Service),
        As::Webhook(id) => (Caller::Webhook(Some(id.clone())), Owner::Service),
        As::Key(..) => return Err(Problem::Unauthenticated(AuthFailure::Missing)),
        As::Operator => (Caller::Operator, Owner::Service),
    };
    Ok(of(sim, route, caller, owner, false))
}

/// A request behind its authentication.
fn of(sim: &Sim, route: &'static Route, caller: Caller, owner: Owner, suspended: bool) -> Request<Sim> {
    Request {
        io: sim.clone(),
        config: Rc::clone(&sim.config),
        route,
        caller: Rc::new(caller),
        suspended,
        started: sim.now(),
        base: "https://edge.example".into(),
        owner,
        claim: Rc::default(),
    }
}

/// The account's row, as authentication reads it.
fn account_of(sim: &Sim, account: usize) -> Option<Account> {
    let statement = by_key(&key_hash(account));
    for database in &sim.databases {
        let rows = database.borrow_mut().rows(&statement, sim.time()).ok()?;
        let found: Vec<Account> = serde_json::from_str(&rows).ok()?;
        if let Some(found) = found.into_iter().next() {
            return Some(found);
        }
    }
    None
}

/// The JSON of an answer.
pub fn body(reply: &Reply) -> Value {
    reply.body.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// An id in an answer.
pub fn id_in(value: &Value) -> Option<Id> {
    value.as_str().and_then(Id::parse)
}

/// The entry at index `nth` from the end, modulo the length.
pub fn nth<T: Clone>(list: &[T], nth: usize) -> Option<T> {
    let back = nth.checked_rem(list.len())?;
    list.iter().rev().nth(back).cloned()
}

/// Runs one operation.
pub async fn run(sim: Sim, op: Op) {
    match op {
        Op::Upload(file) => upload::whole(&Client { sim, account: file.account }, file).await,
        Op::Start(file) => drop(upload::start(&Client { sim, account: file.account }, file).await),
        Op::Simple(file) => files::simple(&Client { sim, account: file.account }, file).await,
        Op::Delete { account, nth } => files::delete(&Client { sim, account }, nth).await,
        Op::Check { account, file } => files::check(&Client { sim, account }, file).await,
        Op::Read { account, nth } => files::read(&Client { sim, account }, nth).await,
        Op::Part { nth, part, twin } => sessions::part(&sim, nth, part, twin).await,
        Op::Direct { nth, part, twin } => sessions::direct(&sim, nth, part, twin).await,
        Op::Receipt { nth, part } => sessions::receipt(&sim, nth, part).await,
        Op::Complete { nth, claim, guarded } => sessions::complete(&sim, nth, claim, guarded).await,
        Op::Fail { nth } => sessions::fail(&sim, nth).await,
        Op::Lose { nth } => sessions::lose(&sim, nth),
        Op::Progress { nth, reconcile } => sessions::progress(&sim, nth, reconcile).await,
        Op::PutVideo { file, video, path } => videos::put(&Client { sim, account: file.account }, file, video, path).await,
        Op::DeleteVideo { file, video } => videos::remove(&Client { sim, account: file.account }, file, video).await,
        Op::Admin(op) => administer(sim, op).await,
        Op::Switch { account, suspended } if sim.settings.administered => backend::switch(&sim, account, suspended).await,
        Op::Member { account, member } if sim.settings.administered => {
            namespaces::membership(&sim, 0, account % 2, member.then_some(Role::Member)).await;
        }
        Op::Switch { account, suspended } => accounts::switch(&Client { sim, account }, suspended).await,
        Op::Member { account, member } => accounts::membership(&Client { sim, account: account % 2 }, member).await,
        Op::Provision { number } => accounts::provision(&Client { sim, account: 0 }, number).await,
        Op::Daily => sim.begin_daily(),
    }
}

async fn administer(sim: Sim, op: Admin) {
    match op {
        Admin::Provision { user, tier, calls, webhook } => backend::provision(&sim, user, tier, calls, webhook).await,
        Admin::Upgrade { user, tier, force } => backend::upgrade(&sim, user, tier, force).await,
        Admin::Rotate { user, overlap } => backend::rotate(&sim, user, overlap).await,
        Admin::Switch { user, suspended } => backend::switch(&sim, user, suspended).await,
        Admin::Tier { storage, objects } => backend::tier(&sim, storage, objects).await,
        Admin::UseKey { user, nth } => backend::use_key(&sim, user, nth).await,
        Admin::Create { space, calls, key } => namespaces::create_all(&sim, space, calls, key).await,
        Admin::Join { space, user, manager } => {
            namespaces::membership(&sim, space, user, Some(if manager { Role::Manager } else { Role::Member })).await;
        }
        Admin::Leave { space, user } => namespaces::membership(&sim, space, user, None).await,
        Admin::Change { space, by, value, operators } => namespaces::change(&sim, space, by, value, operators).await,
        Admin::Purge { space } => namespaces::purge(&sim, space).await,
        Admin::Drop { space } => namespaces::drop_space(&sim, space).await,
        Admin::Keyed { account, file, key, calls } => keys::simple(&sim, account, file, key, calls).await,
        Admin::Intrude { account, nth, what } => intrusion::intrude(&sim, account, nth, what).await,
        Admin::Move { user, restart } => moves::move_account(&sim, user, restart).await,
        Admin::LoseLedger { account } => bandwidth::lose_ledger(&sim, account),
        Admin::Charge { account, gb } => bandwidth::charge(&sim, account, gb).await,
        Admin::Meter { account, gb, flush } => bandwidth::meter(&sim, account, gb, flush).await,
        Admin::Ask { account } => bandwidth::ask(&sim, account).await,
    }
}
