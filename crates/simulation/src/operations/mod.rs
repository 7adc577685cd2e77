//! What clients do. Each family of operations has its own file; a history draws from all of them.

pub mod accounts;
pub mod files;
pub mod sessions;
pub mod upload;
pub mod videos;

use std::future::Future;
use std::rc::Rc;

use jettyspeed_edge::access::caller::Caller;
use jettyspeed_edge::access::routes;
use jettyspeed_edge::accounts::account::Account;
use jettyspeed_edge::accounts::repository::by_key;
use jettyspeed_edge::auth::upload_token::UploadClaims;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::memory_budget::Owner;
use jettyspeed_edge::io::Io;
use jettyspeed_edge::problem::{AuthFailure, Problem};
use jettyspeed_edge::services::reply::Reply;
use jettyspeed_edge::services::request::Request;
use serde_json::Value;

use crate::history::Op;
use crate::parties::key_hash;
use crate::scheduler::Begun;
use crate::task::Role;
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
    /// The operator.
    Operator,
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
        let begun = Begun { service, ..Begun::by(&self.sim, Role::Request, service) };
        let (number, answer) = self.sim.begin_with_result(begun, async move {
            let call = authenticated(&sim, account, (method, path), &sender)?;
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
        As::Operator => (Caller::Operator, Owner::Service),
    };
    Ok(Request {
        io: sim.clone(),
        config: Rc::clone(&sim.config),
        route,
        caller: Rc::new(caller),
        suspended: false,
        started: sim.now(),
        base: "https://edge.example".into(),
        owner,
    })
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
        Op::Progress { nth, reconcile } => sessions::progress(&sim, nth, reconcile).await,
        Op::PutVideo { file, video, path } => videos::put(&Client { sim, account: file.account }, file, video, path).await,
        Op::DeleteVideo { file, video } => videos::remove(&Client { sim, account: file.account }, file, video).await,
        Op::Switch { account, suspended } => accounts::switch(&Client { sim, account }, suspended).await,
        Op::Member { account, member } => accounts::membership(&Client { sim, account: account % 2 }, member).await,
        Op::Provision { number } => accounts::provision(&Client { sim, account: 0 }, number).await,
        Op::Daily => sim.begin_daily(),
    }
}
