//! Storage of a ledger in the SQLite of its Durable Object. All methods are synchronous: one message is applied within one turn of the event loop.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::id::Id;
use crate::base::sql::Arg;
use crate::clients::ledger_records::Stored;
use crate::io::object::ObjectState;
use crate::ledger::machine::Ledger;
use crate::ledger::message::Message;
use crate::ledger::schema::{
    CLEAR_CHECKS, CLEAR_HOLDINGS, COUNT, DISTINCT, DROP_CHECK, DROP_HOLDING, DROP_PLACE, HOLDING, LOAD_CHECKS, LOAD_STATE, MOVE_HOLDINGS, PLACE,
    PUT_CHECK, PUT_HOLDING, PUT_PLACE, PUT_STATE, SCHEMA, SHARED,
};
use crate::ledger::state::{Effect, Facts, Holding, LedgerState, PendingCheck};
use crate::objects::sql;
use crate::problem::Problem;

/// The storage.
pub struct LedgerStorage<S>(pub S);

impl<S: ObjectState> LedgerStorage<S> {
    /// Loads the ledger; `None` if it was never initialised.
    pub fn load(&self) -> Result<Option<Ledger>, Problem> {
        #[derive(Deserialize)]
        struct Row {
            json: String,
        }
        #[derive(Deserialize)]
        struct WatchRow {
            asset: Id,
            json: String,
        }
        sql::create(&self.0, SCHEMA)?;
        let Some(row) = self.rows::<Row>(LOAD_STATE, vec![])?.into_iter().next() else { return Ok(None) };
        let mut watches = BTreeMap::new();
        for row in self.rows::<WatchRow>(LOAD_CHECKS, vec![])? {
            watches.insert(row.asset, sql::read::<PendingCheck>(&row.json)?);
        }
        let mut books: LedgerState = sql::read(&row.json)?;
        if books.objects.is_none() {
            books.objects = Some(self.count()?);
        }
        Ok(Some(Ledger::load(books, watches)))
    }

    /// Writes the effects of a message.
    pub fn write(&self, ledger: &Ledger, effects: Vec<Effect>) -> Result<(), Problem> {
        for effect in effects {
            match effect {
                Effect::PutState => self.exec(PUT_STATE, vec![sql::write(&ledger.books)?.into()])?,
                Effect::PutPendingCheck(asset, watch) => self.exec(PUT_CHECK, vec![asset.to_string().into(), sql::write(&watch)?.into()])?,
                Effect::PutPlace(asset, place) => self.exec(PUT_PLACE, vec![asset.to_string().into(), place.into()])?,
                Effect::DropPendingCheck(asset) => {
                    self.exec(DROP_CHECK, vec![asset.to_string().into()])?;
                    self.exec(DROP_PLACE, vec![asset.to_string().into()])?;
                }
                Effect::PutHolding(asset, holding) => self.put_holding(asset, holding)?,
                Effect::MoveHoldings(from, to) => self.exec(MOVE_HOLDINGS, vec![from.to_string().into(), to.to_string().into()])?,
                Effect::DropHolding(asset) => self.exec(DROP_HOLDING, vec![asset.to_string().into()])?,
            }
        }
        Ok(())
    }

    /// Removes what an attempt to initialise the ledger has left.
    pub fn clear(&self) -> Result<(), Problem> {
        self.exec(CLEAR_HOLDINGS, vec![])?;
        self.exec(CLEAR_CHECKS, vec![])
    }

    /// Inserts holdings found in D1.
    pub fn put_holdings(&self, stored: Vec<Stored>) -> Result<(), Problem> {
        stored.into_iter().try_for_each(|Stored { asset, object, size, .. }| self.put_holding(asset, Holding { object, size }))
    }

    /// Bytes of the distinct objects of all holdings.
    pub fn distinct_bytes(&self) -> Result<u64, Problem> {
        #[derive(Deserialize)]
        struct Sum {
            bytes: u64,
        }
        Ok(self.rows::<Sum>(DISTINCT, vec![])?.into_iter().next().map_or(0, |sum| sum.bytes))
    }

    /// Number of holdings.
    pub fn count(&self) -> Result<u64, Problem> {
        #[derive(Deserialize)]
        struct Count {
            number: u64,
        }
        Ok(self.rows::<Count>(COUNT, vec![])?.into_iter().next().map_or(0, |count| count.number))
    }

    /// Whether the asset has a holding.
    pub fn holds(&self, asset: Id) -> Result<bool, Problem> {
        Ok(!self.rows::<serde_json::Value>(HOLDING, vec![asset.to_string().into()])?.is_empty())
    }

    /// The location of the bytes of an asset with a pending check, if it was recorded.
    pub fn place(&self, asset: Id) -> Result<Option<String>, Problem> {
        #[derive(Deserialize)]
        struct Row {
            place: String,
        }
        Ok(self.rows::<Row>(PLACE, vec![asset.to_string().into()])?.pop().map(|row| row.place))
    }

    /// The stored facts that applying `message` needs.
    pub fn facts(&self, message: &Message) -> Result<Facts, Problem> {
        #[derive(Deserialize)]
        struct Row {
            object: Id,
            size: u64,
        }
        let (asset, named) = match message {
            Message::Settle { asset, object, .. } | Message::Adopt { asset, object, .. } => (*asset, Some(*object)),
            Message::Reserve { asset, .. } | Message::Release { asset } | Message::ScheduleCheck { asset, .. } => (*asset, None),
            _ => return Ok(Facts::default()),
        };
        let row = self.rows::<Row>(HOLDING, vec![asset.to_string().into()])?.into_iter().next();
        let holding = row.map(|row| Holding { object: row.object, size: row.size });
        let current = holding.map(|holding| holding.object);
        Ok(Facts { holding, shared: self.shared(named.or(current), asset)? })
    }

    fn shared(&self, object: Option<Id>, asset: Id) -> Result<Option<Id>, Problem> {
        object.map_or(Ok(None), |object| self.other_holder(&object.to_string(), &asset.to_string()))
    }

    /// Another asset than `but` that references the object.
    fn other_holder(&self, object: &str, but: &str) -> Result<Option<Id>, Problem> {
        #[derive(Deserialize)]
        struct Row {
            asset: Id,
        }
        Ok(self.rows::<Row>(SHARED, vec![object.into(), but.into()])?.into_iter().next().map(|row| row.asset))
    }

    fn put_holding(&self, asset: Id, Holding { object, size }: Holding) -> Result<(), Problem> {
        self.exec(PUT_HOLDING, vec![asset.to_string().into(), object.to_string().into(), size.into()])
    }

    fn exec(&self, sql: &str, values: Vec<Arg>) -> Result<(), Problem> {
        sql::run(&self.0, sql, values)
    }

    fn rows<T: DeserializeOwned>(&self, sql: &str, values: Vec<Arg>) -> Result<Vec<T>, Problem> {
        sql::rows(&self.0, sql, values)
    }
}
