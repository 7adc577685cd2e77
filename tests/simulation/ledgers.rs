//! The Durable Objects of ledgers: `src/worker/objects/{account_ledger,ledger_checks,ledger_memory,ledger_storage}.rs` and `src/worker/clients/ledger.rs`.

use super::faults::Fault;
use super::parties::Party;
use super::world::World;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::accounts::repository::by_id;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::base::units::MAX_SAFE_INTEGER;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::jobs::Job;
use jettyspeed_edge::ledger::cost::Prices;
use jettyspeed_edge::ledger::machine::{Ledger, Outcome};
use jettyspeed_edge::ledger::message::{Message, Reply, UsageSnapshot};
use jettyspeed_edge::ledger::repository::{asset_coming, asset_stored, holdings, open_uploads, record_usage, usage, video_holdings};
use jettyspeed_edge::ledger::state::{Claim, Effect, Facts, Holding, LedgerState, Limits, PendingCheck, Reserved, Seen, Usage};
use jettyspeed_edge::ledger::timing::{DELETE_GRACE_MS, JOB_GRACE_MS, START_CHECK_MS};
use jettyspeed_edge::problem::Problem;

/// Maximum number of pending checks per alarm.
const MAX_CHECKS: usize = 100;
const PRICES: Prices = Prices { storage_gb_month: 1.0, origin_gb: 1.0 };

/// Contents of its storage: exactly what the effects wrote.
#[derive(Debug, Default)]
struct Disk {
    books: Option<LedgerState>,
    watches: BTreeMap<Id, PendingCheck>,
    holdings: BTreeMap<Id, Holding>,
}

impl Disk {
    fn load(&self) -> Option<Ledger> {
        // Through JSON, as in the storage.
        let books = serde_json::to_string(self.books.as_ref()?).unwrap();
        Some(Ledger::load(serde_json::from_str(&books).unwrap(), self.watches.clone()))
    }

    fn facts(&self, message: &Message) -> Facts {
        let (asset, named) = match message {
            Message::Settle { asset, object, .. } | Message::Adopt { asset, object, .. } => (*asset, Some(*object)),
            Message::Reserve { asset, .. } | Message::Release { asset } | Message::ScheduleCheck { asset, .. } => (*asset, None),
            _ => return Facts::default(),
        };
        let holding = self.holdings.get(&asset).copied();
        let held = holding.map(|held| held.object);
        let of = |object: Option<Id>| self.holdings.iter().find(|(other, held)| **other != asset && Some(held.object) == object);
        Facts { holding, shared: of(named.or(held)).map(|(other, _)| *other) }
    }

    fn write(&mut self, ledger: &Ledger, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::PutState => self.books = Some(ledger.books.clone()),
                Effect::PutPendingCheck(asset, pending) => drop(self.watches.insert(asset, pending)),
                Effect::PutPlace(..) => {}
                Effect::DropPendingCheck(asset) => drop(self.watches.remove(&asset)),
                Effect::PutHolding(asset, holding) => drop(self.holdings.insert(asset, holding)),
                Effect::DropHolding(asset) => drop(self.holdings.remove(&asset)),
                Effect::MoveHoldings(from, to) => self.holdings.values_mut().filter(|held| held.object == from).for_each(|held| held.object = to),
            }
        }
    }

    fn distinct(&self) -> u64 {
        self.holdings.values().map(|held| (held.object, held.size)).collect::<BTreeSet<_>>().iter().map(|(_, size)| size).sum()
    }
}

/// One ledger's Durable Object.
#[derive(Debug, Default)]
pub struct LedgerObject {
    /// None before the first message and after an eviction.
    memory: Option<Ledger>,
    disk: Disk,
    /// The alarm that this instance has set.
    armed: Option<EpochMs>,
    pub alarm: Option<EpochMs>,
}

impl LedgerObject {
    pub fn evict(&mut self) {
        (self.memory, self.armed) = (None, None);
    }

    /// Loads the ledger into memory; None if it does not exist yet.
    pub fn ledger(&mut self) -> Option<&mut Ledger> {
        self.memory = self.memory.take().or_else(|| self.disk.load());
        self.memory.as_mut()
    }

    /// The object that each asset references according to the ledger.
    pub fn holdings(&self) -> &BTreeMap<Id, Holding> {
        &self.disk.holdings
    }

    fn change<T>(&mut self, step: impl FnOnce(&mut Ledger, Facts) -> (T, Vec<Effect>), facts: Facts) -> T {
        self.ledger();
        let ledger = self.memory.as_mut().unwrap();
        let (value, effects) = step(ledger, facts);
        self.disk.write(ledger, effects);
        value
    }

    fn book(&mut self, message: Message, now: EpochMs) -> Reply {
        let facts = self.disk.facts(&message);
        self.change(|ledger, facts| ledger.apply(message, facts, now), facts)
    }

    fn arm(&mut self, now: EpochMs) {
        let Some(wanted) = self.memory.as_ref().and_then(Ledger::alarm) else { return };
        if self.armed.is_none_or(|armed| armed > wanted) {
            self.alarm = Some(wanted.max(now.plus(50)));
            self.armed = Some(wanted);
        }
    }

    /// The violated invariant of the current state, if any.
    fn wrong(&mut self, limits: &Limits) -> Option<String> {
        let held = (self.disk.distinct(), self.disk.holdings.len() as u64);
        let pending = self.disk.watches.values().map(PendingCheck::reserved).fold(Reserved::NONE, Reserved::plus);
        let ledger = self.ledger()?;
        let (used, reserved) = ((ledger.books.used, ledger.objects()), ledger.reserved());
        let consistent = used == held && reserved == pending;
        let fits = used.0 + reserved.bytes <= limits.storage && used.1 + reserved.objects <= limits.objects && reserved.uploads <= limits.uploads;
        (!consistent || !fits).then(|| format!("{used:?} used of {held:?} held, {reserved:?} reserved of {pending:?} pending, {limits:?} allowed"))
    }
}

fn object<T>(io: &World, account: Id, step: impl FnOnce(&mut LedgerObject) -> T) -> T {
    step(io.ledgers.borrow_mut().entry(account).or_default())
}

fn party(io: &World, account: Id) -> &Party {
    io.parties.iter().find(|party| party.id == account).unwrap()
}

/// Creates the ledger from D1 at the first message.
async fn open(io: &World, account: Id) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Stored {
        asset: Id,
        object: Id,
        size: u64,
    }
    #[derive(Deserialize)]
    struct Coming {
        asset: Option<Id>,
        size: u64,
    }
    let now = io.now();
    let _: Option<Value> = io.first("ledger opens: limits", &by_id(account, now)).await?;
    let coming: Vec<Coming> = io.all("ledger opens: uploads", &open_uploads(account, "", 1_000)).await?;
    let at = io.now().plus(START_CHECK_MS);
    let check = |bytes| PendingCheck { bytes, at, doubt: false, claim: Claim::Upload };
    let mut open: BTreeMap<Id, PendingCheck> = coming.into_iter().filter_map(|row| Some((row.asset?, check(row.size)))).collect();
    let stored: Vec<Stored> = io.all("ledger opens: files", &holdings(account, (EpochMs(MAX_SAFE_INTEGER), ""), 1_000)).await?;
    let stored: Vec<Stored> = [stored, io.all("ledger opens: videos", &video_holdings(account, "", 1_000)).await?].into_iter().flatten().collect();
    let _: Option<Value> = io.first("ledger opens: usage", &usage(account, now)).await?;
    object(io, account, |object| {
        if object.ledger().is_some() {
            return;
        }
        for Stored { asset, object: of, size } in stored {
            object.disk.holdings.insert(asset, Holding { object: of, size });
        }
        open.retain(|asset, _| !object.disk.holdings.contains_key(asset));
        let stored = (object.disk.distinct(), object.disk.holdings.len() as u64);
        let ledger = Ledger::open(account, party(io, account).limits, stored, open, now);
        let checks = ledger.watches.iter().map(|(asset, check)| Effect::PutPendingCheck(*asset, *check));
        let effects = checks.chain([Effect::PutState]).collect();
        object.disk.write(&ledger, effects);
        object.memory = Some(ledger);
    });
    Ok(())
}

async fn send_once(io: &World, account: Id, message: Message) -> Result<Reply, Problem> {
    let fault = io.arrive(name(&message)).await;
    if fault == Fault::Cut {
        return Err(Problem::Internal);
    }
    let now = io.now();
    if object(io, account, |object| object.ledger().is_none()) {
        open(io, account).await?;
    } else if object(io, account, |object| object.ledger().is_some_and(|ledger| ledger.wants_limits(&message, now))) {
        let looked_up: Result<Option<Value>, Problem> = io.first("ledger: limits", &by_id(account, now)).await;
        if looked_up.is_ok() {
            let limits = party(io, account).limits;
            object(io, account, |object| object.book(Message::Change { limits }, io.now()));
        }
    }
    let reply = book(io, account, message);
    check(io, account);
    if fault == Fault::Lost { Err(Problem::Internal) } else { Ok(reply) }
}

fn book(io: &World, account: Id, message: Message) -> Reply {
    object(io, account, |object| {
        let reply = object.book(message, io.now());
        object.arm(io.now());
        reply
    })
}

fn check(io: &World, account: Id) {
    if let Some(wrong) = object(io, account, |object| object.wrong(&party(io, account).limits)) {
        io.fail(|| format!("ledger of {}: {wrong}", party(io, account).user));
    }
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::Reserve { .. } => "ledger: reserve",
        Message::Settle { .. } => "ledger: settle",
        Message::Adopt { .. } => "ledger: adopt",
        Message::Release { .. } => "ledger: release",
        Message::ScheduleCheck { .. } => "ledger: schedule check",
        _ => "ledger",
    }
}

/// Sends a message; if it is repeatable, once more if the reply was lost.
async fn send(io: &World, account: Id, message: Message) -> Result<Reply, Problem> {
    match send_once(io, account, message.clone()).await {
        Err(_) if message.is_repeatable() => send_once(io, account, message).await,
        answer => answer,
    }
}

/// Sends a reservation or adoption; released again if the reply was lost.
async fn take(io: &World, account: Id, asset: Id, message: Message) -> Result<(), Problem> {
    match send(io, account, message).await {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::ObjectsFull { limit, used }) => {
            io.note("too many objects");
            Err(Problem::TooManyObjects { limit, used })
        }
        Ok(Reply::UploadsFull { limit, used }) => {
            io.note("too many uploads");
            Err(Problem::TooManyUploads { limit, used })
        }
        Ok(_) => {
            io.note("storage quota exceeded");
            Err(Problem::StorageExceeded { limit: 0, used: 0, reserved: 0, requested: 0 })
        }
        Err(problem) => {
            let _ = release(io, account, asset).await;
            Err(problem)
        }
    }
}

pub async fn reserve(io: &World, party: &Party, (asset, bytes): (Id, u64), look_at: EpochMs, session: bool) -> Result<(), Problem> {
    take(io, party.id, asset, Message::Reserve { asset, bytes, look_at, limits: party.limits, place: None, session, replaces: false }).await
}

pub async fn adopt(io: &World, party: &Party, asset: &Asset) -> Result<(), Problem> {
    let message = Message::Adopt { asset: asset.id, object: asset.object_id, size: asset.size, limits: party.limits };
    take(io, party.id, asset.id, message).await
}

pub async fn settle(io: &World, account: Id, asset: Id, object: Id, size: u64) -> Result<(), Problem> {
    send(io, account, Message::Settle { asset, object, size }).await.map(|_| ())
}

pub async fn release(io: &World, account: Id, asset: Id) -> Result<(), Problem> {
    send(io, account, Message::Release { asset }).await.map(|_| ())
}

pub async fn doubt(io: &World, account: Id, asset: Id) -> Result<(), Problem> {
    doubt_for(io, account, asset, DELETE_GRACE_MS).await
}

pub async fn doubt_by_job(io: &World, account: Id, asset: Id) -> Result<(), Problem> {
    doubt_for(io, account, asset, JOB_GRACE_MS).await
}

async fn doubt_for(io: &World, account: Id, asset: Id, ms: u64) -> Result<(), Problem> {
    let look_at = io.now().plus(ms);
    send(io, account, Message::ScheduleCheck { asset, look_at }).await.map(|_| ())
}

pub async fn figures(io: &World, account: Id) -> Result<UsageSnapshot, Problem> {
    match send(io, account, Message::Usage { limits: None }).await? {
        Reply::State { figures } => Ok(figures),
        _ => Err(Problem::Internal),
    }
}

/// The asset's object and size, if the asset exists.
pub async fn stored(io: &World, asset: Id) -> Result<Option<(Id, u64)>, Problem> {
    #[derive(Deserialize)]
    struct Row {
        object: Id,
        size: u64,
    }
    let row: Option<Row> = io.first("is it stored?", &asset_stored(asset)).await?;
    Ok(row.map(|Row { object, size }| (object, size)))
}

async fn asset_state(io: &World, asset: Id) -> Result<Seen, Problem> {
    let coming: Option<Value> = io.first("is it coming?", &asset_coming(asset)).await?;
    let stored = stored(io, asset).await?;
    Ok(match (stored, coming) {
        (Some((object, size)), _) => Seen::Stored { object, size },
        (None, Some(_)) => Seen::Coming,
        (None, None) => Seen::Gone,
    })
}

/// Runs a ledger's alarm; false if it must be repeated.
pub async fn run_alarm(io: &World, account: Id) -> bool {
    let due = object(io, account, |object| {
        object.armed = None;
        object.ledger().map(|ledger| ledger.due(io.now(), MAX_CHECKS)).unwrap_or_default()
    });
    for (asset, pending) in due {
        let seen = asset_state(io, asset).await.unwrap_or(Seen::Unclear);
        let outcome =
            object(io, account, |object| object.ledger().map_or(Outcome::Nothing, |ledger| ledger.resolve_check(asset, pending, seen, io.now())));
        match outcome {
            Outcome::Nothing => {}
            Outcome::Apply(message) => {
                if seen == Seen::Gone {
                    if io.enqueue(Job::Orphan { account, object: asset }, 0).await.is_err() {
                        // The alarm is repeated.
                        return false;
                    }
                    if !object(io, account, |object| object.ledger().is_some_and(|ledger| ledger.watches.get(&asset) == Some(&pending))) {
                        continue;
                    }
                }
                object(io, account, |object| {
                    object.change(|ledger, _| ((), ledger.check_done(asset)), Facts::default());
                    object.book(message, io.now());
                });
            }
            Outcome::CheckAgain(at) => object(io, account, |object| object.change(|ledger, _| ((), ledger.postpone(asset, at)), Facts::default())),
        }
        check(io, account);
    }
    checkpoint(io, account).await;
    object(io, account, |object| object.arm(io.now()));
    true
}

async fn checkpoint(io: &World, account: Id) {
    let now = io.now();
    let due = object(io, account, |object| object.change(|ledger, _| (ledger.due_checkpoint(now), vec![]), Facts::default()));
    let Some(usage) = due else { return };
    let statements: Vec<_> = usage.iter().map(|month: &Usage| record_usage(account, month, &PRICES, now)).collect();
    if io.batch("write usage", &statements).await.is_err() {
        return;
    }
    object(io, account, |object| {
        object.change(|ledger, _| (ledger.checkpointed(&usage), vec![Effect::PutState]), Facts::default());
    });
}
