//! The account's ledger as a Durable Object.
//!
//! Invariant: what [`super::Ledger`] answers is in SQLite before the answer leaves, and one message is booked at a time. One message per request (`POST`,
//! JSON of [`Message`]); a bare "done" is a 204, every other answer JSON of [`Reply`]. At its first message it takes over what D1 says the account stores;
//! its alarm writes the figures to D1 and asks D1 about everything that nobody has told the end of.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, SqlStorage, SqlStorageValue, State, durable_object};

use super::{Books, Effect, Facts, Holding, Ledger, Message, Period, Reply, Watch};
use crate::accounts::provision::Record;
use crate::accounts::store;
use crate::ids::Id;
use crate::platform::{bindings, clock, d1, log};
use crate::problem::Problem;
use crate::units::{EpochMs, MAX_SAFE_INTEGER};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS books (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
     CREATE TABLE IF NOT EXISTS watches (asset TEXT PRIMARY KEY, json TEXT NOT NULL);
     CREATE TABLE IF NOT EXISTS holdings (asset TEXT PRIMARY KEY, object TEXT NOT NULL, size INTEGER NOT NULL);
     CREATE INDEX IF NOT EXISTS holdings_by_object ON holdings (object);";
const LOAD_BOOKS: &str = "SELECT json FROM books";
const LOAD_WATCHES: &str = "SELECT asset, json FROM watches";
const PUT_BOOKS: &str = "INSERT INTO books (one, json) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json";
const PUT_WATCH: &str = "INSERT INTO watches (asset, json) VALUES (?, ?) ON CONFLICT (asset) DO UPDATE SET json = excluded.json";
const DROP_WATCH: &str = "DELETE FROM watches WHERE asset = ?";
const PUT_HOLDING: &str = "INSERT INTO holdings (asset, object, size) VALUES (?, ?, ?) ON CONFLICT (asset) DO NOTHING";
const DROP_HOLDING: &str = "DELETE FROM holdings WHERE asset = ?";
const HOLDING: &str = "SELECT object, size FROM holdings WHERE asset = ?";
const SHARED: &str = "SELECT asset FROM holdings WHERE object = ? AND asset <> ? LIMIT 1";
const DISTINCT: &str = "SELECT COALESCE(SUM(size), 0) AS bytes FROM (SELECT MAX(size) AS size FROM holdings GROUP BY object)";

/// How many assets in doubt one alarm looks into, so that it stays short; the next one goes on.
const LOOKS: usize = 100;
/// Rows per page when the holdings are taken over from D1.
const PAGE: u64 = 1_000;
/// How long to wait before D1 is asked again about an upload that goes on, or that D1 gave no answer about, ms.
const LOOK_AGAIN_MS: u64 = 60_000;

/// See the module.
#[durable_object(alarm)]
pub struct AccountLedger {
    state: State,
    env: Env,
    sql: SqlStorage,
    /// None until the first message, and again after a failed write: then it is read anew.
    memory: RefCell<Option<Ledger>>,
    /// The alarm this instance has set.
    armed: Cell<Option<EpochMs>>,
}

#[derive(Deserialize)]
struct Json {
    json: String,
}

#[derive(Deserialize)]
struct WatchRow {
    asset: Id,
    json: String,
}

#[derive(Deserialize)]
struct HoldingRow {
    object: Id,
    size: u64,
}

#[derive(Deserialize)]
struct AssetRow {
    asset: Id,
    object: Id,
    size: u64,
    created_at: EpochMs,
}

impl DurableObject for AccountLedger {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        AccountLedger { state, env, sql, memory: RefCell::new(None), armed: Cell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let message: Message = serde_json::from_str(&request.text().await?)?;
        match self.take(message).await {
            Ok(Reply::Done) => Ok(ResponseBuilder::new().with_status(204).empty()),
            Ok(reply) => Ok(ResponseBuilder::new().fixed(serde_json::to_vec(&reply)?)),
            Err(error) => {
                self.memory.replace(None);
                let _ = log::internal("ledger", &error.to_string());
                Ok(ResponseBuilder::new().with_status(500).empty())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.armed.set(None);
        if let Err(error) = self.wake().await {
            self.memory.replace(None);
            let _ = log::internal("ledger alarm", &error.to_string());
        }
        self.arm().await?;
        Response::empty()
    }
}

fn failed(problem: &Problem) -> worker::Error {
    worker::Error::RustError(problem.to_string())
}

impl AccountLedger {
    async fn take(&self, message: Message) -> Result<Reply> {
        if !self.load()? {
            self.open().await?;
        } else if self.memory.borrow().as_ref().is_some_and(|ledger| ledger.wants_limits(&message, clock::now())) {
            self.refresh().await;
        }
        // No await from here to the answer: one message is booked at a time.
        let reply = self.book(message)?;
        self.arm().await?;
        Ok(reply)
    }

    /// Takes the account's limits from D1. Without an answer, logged there, the old ones hold.
    async fn refresh(&self) {
        let Some(id) = self.memory.borrow().as_ref().map(|ledger| ledger.books.account) else { return };
        let Ok(db) = bindings::db(&self.env) else { return };
        if let Ok(Some(record)) = d1::first::<Record>(&db, &store::by_id(id, clock::now())).await {
            let limits = record.tier.limits(record.account_updated_at);
            // What cannot be written now is told again.
            let _ = self.book(Message::Change { limits, suspended: record.status != "active" });
        }
    }

    /// Applies a message and writes what it changed.
    fn book(&self, message: Message) -> Result<Reply> {
        let facts = self.facts(&message)?;
        let mut memory = self.memory.borrow_mut();
        let ledger = memory.as_mut().ok_or("not open")?;
        let (reply, effects) = ledger.apply(message, facts, clock::now());
        self.write(ledger, effects)?;
        Ok(reply)
    }

    fn write(&self, ledger: &Ledger, effects: Vec<Effect>) -> Result<()> {
        for effect in effects {
            match effect {
                Effect::PutBooks => self.run(PUT_BOOKS, vec![serde_json::to_string(&ledger.books)?.into()])?,
                Effect::PutWatch(asset, watch) => self.run(PUT_WATCH, vec![asset.to_string().into(), serde_json::to_string(&watch)?.into()])?,
                Effect::DropWatch(asset) => self.run(DROP_WATCH, vec![asset.to_string().into()])?,
                Effect::PutHolding(asset, Holding { object, size }) => {
                    let size = SqlStorageValue::try_from_i64(i64::try_from(size).map_err(|_| "size")?)?;
                    self.run(PUT_HOLDING, vec![asset.to_string().into(), object.to_string().into(), size])?;
                }
                Effect::DropHolding(asset) => self.run(DROP_HOLDING, vec![asset.to_string().into()])?,
            }
        }
        Ok(())
    }

    fn facts(&self, message: &Message) -> Result<Facts> {
        let (asset, named) = match message {
            Message::Settle { asset, object, .. } => (*asset, Some(*object)),
            Message::Reserve { asset, .. } | Message::Release { asset } | Message::Doubt { asset, .. } => (*asset, None),
            _ => return Ok(Facts::default()),
        };
        let holding: Option<HoldingRow> = self.rows(HOLDING, vec![asset.to_string().into()])?.into_iter().next();
        let holding = holding.map(|row| Holding { object: row.object, size: row.size });
        let shared = match named.or(holding.map(|held| held.object)) {
            Some(object) => !self.rows::<serde_json::Value>(SHARED, vec![object.to_string().into(), asset.to_string().into()])?.is_empty(),
            None => false,
        };
        Ok(Facts { holding, shared })
    }

    fn run(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql.exec(sql, values).map(|_| ())
    }

    fn rows<T: DeserializeOwned>(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        self.sql.exec(sql, values)?.to_array()
    }

    /// Reads the books into memory; false if there are none yet.
    fn load(&self) -> Result<bool> {
        if self.memory.borrow().is_some() {
            return Ok(true);
        }
        self.sql.exec(SCHEMA, None)?;
        let Some(row) = self.rows::<Json>(LOAD_BOOKS, vec![])?.into_iter().next() else { return Ok(false) };
        let mut watches = BTreeMap::new();
        for row in self.rows::<WatchRow>(LOAD_WATCHES, vec![])? {
            watches.insert(row.asset, serde_json::from_str::<Watch>(&row.json)?);
        }
        let books: Books = serde_json::from_str(&row.json)?;
        self.memory.replace(Some(Ledger::load(books, watches)));
        Ok(true)
    }

    /// Takes over what D1 says. Until that is done no message is booked, so nothing can change in between but deletions, whose release then comes here.
    async fn open(&self) -> Result<()> {
        let id = self.state.id().name().and_then(|name| Id::parse(&name)).ok_or("a ledger is named by its account")?;
        let db = bindings::db(&self.env).map_err(|problem| failed(&problem))?;
        let now = clock::now();
        let record: Option<Record> = d1::first(&db, &store::by_id(id, now)).await.map_err(|problem| failed(&problem))?;
        let record = record.ok_or("no such account")?;
        let mut assets: Vec<AssetRow> = Vec::new();
        loop {
            let before = assets.last().map_or((EpochMs(MAX_SAFE_INTEGER), String::new()), |row| (row.created_at, row.asset.to_string()));
            let page: Vec<AssetRow> = d1::all(&db, &store::holdings(id, (before.0, &before.1), PAGE)).await.map_err(|problem| failed(&problem))?;
            let last = u64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            assets.extend(page);
            if last {
                break;
            }
        }
        let known: Option<serde_json::Value> =
            d1::first(&db, &store::usage(id, Period::of(now).start())).await.map_err(|problem| failed(&problem))?;
        if self.load()? {
            // Another message opened it meanwhile.
            return Ok(());
        }
        for row in assets {
            let size = SqlStorageValue::try_from_i64(i64::try_from(row.size).map_err(|_| "size")?)?;
            self.run(PUT_HOLDING, vec![row.asset.to_string().into(), row.object.to_string().into(), size])?;
        }
        #[derive(Deserialize)]
        struct Sum {
            bytes: u64,
        }
        let used = self.rows::<Sum>(DISTINCT, vec![])?.into_iter().next().map_or(0, |sum| sum.bytes);
        let limits = record.tier.limits(record.account_updated_at);
        let mut ledger = Ledger::open(id, limits, record.status != "active", used, now);
        let count = |name: &str| known.as_ref().and_then(|row| row.get(name)).and_then(serde_json::Value::as_u64).unwrap_or_default();
        (ledger.books.bandwidth, ledger.books.requests) = (count("bandwidth_bytes"), count("request_count"));
        self.write(&ledger, vec![Effect::PutBooks])?;
        self.memory.replace(Some(ledger));
        Ok(())
    }

    /// Sets the alarm if it would come too late.
    async fn arm(&self) -> Result<()> {
        let Some(wanted) = self.memory.borrow().as_ref().and_then(Ledger::alarm) else { return Ok(()) };
        if self.armed.get().is_some_and(|armed| armed <= wanted) {
            return Ok(());
        }
        self.armed.set(Some(wanted));
        // At least a moment from now, so that what cannot be done is not tried in a loop.
        let wait = Duration::from_millis(wanted.since(clock::now()).max(50));
        self.state.storage().set_alarm(wait).await
    }

    async fn wake(&self) -> Result<()> {
        if !self.load()? {
            return Ok(());
        }
        let due = self.memory.borrow().as_ref().map(|ledger| ledger.due(clock::now(), LOOKS)).unwrap_or_default();
        for asset in due {
            match self.look(asset).await {
                Ok(Some(message)) => {
                    self.book(message)?;
                }
                Ok(None) | Err(_) => {
                    let mut memory = self.memory.borrow_mut();
                    if let Some(ledger) = memory.as_mut() {
                        let effects = ledger.postpone(asset, clock::now().plus(LOOK_AGAIN_MS));
                        self.write(ledger, effects)?;
                    }
                }
            }
        }
        self.checkpoint().await
    }

    /// How it ended, as D1 knows it; None if it has not ended.
    async fn look(&self, asset: Id) -> Result<Option<Message>, Problem> {
        let db = bindings::db(&self.env)?;
        // In this order: an upload that completes between the two looks is found by the second next time.
        let coming: Option<serde_json::Value> = d1::first(&db, &store::asset_coming(asset)).await?;
        let stored: Option<HoldingRow> = d1::first(&db, &store::asset_stored(asset)).await?;
        Ok(match (stored, coming) {
            (Some(HoldingRow { object, size }), _) => Some(Message::Settle { asset, object, size }),
            (None, Some(_)) => None,
            (None, None) => Some(Message::Release { asset }),
        })
    }

    async fn checkpoint(&self) -> Result<()> {
        let now = clock::now();
        let due = self.memory.borrow_mut().as_mut().and_then(|ledger| Some((ledger.books.account, ledger.due_checkpoint(now)?)));
        let Some((account, usage)) = due else { return Ok(()) };
        // What fails is logged, and due again in a while.
        let written = self.record(account, &usage, now).await.is_ok();
        let mut memory = self.memory.borrow_mut();
        let Some(ledger) = memory.as_mut() else { return Ok(()) };
        if written {
            ledger.checkpointed(&usage);
        }
        self.write(ledger, vec![Effect::PutBooks])
    }

    async fn record(&self, account: Id, usage: &[super::Usage], now: EpochMs) -> Result<(), Problem> {
        let prices = bindings::config(&self.env)?.prices;
        let statements: Vec<_> = usage.iter().map(|month| store::record_usage(account, month, &prices, now)).collect();
        d1::batch(&bindings::db(&self.env)?, &statements).await
    }
}
