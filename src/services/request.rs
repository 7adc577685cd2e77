//! What a service knows of the request that it serves.

use std::cell::OnceCell;
use std::ops::Deref;
use std::rc::Rc;

use crate::access::caller::Caller;
use crate::access::routes::Route;
use crate::accounts::account::Account;
use crate::base::body_pace;
use crate::base::memory_budget::{MemoryPermit, Owner, Pool, wait_for_permit};
use crate::base::time::EpochMs;
use crate::config::Config;
use crate::idempotency::repository::Slot;
use crate::io::Io;
use crate::problem::{AuthFailure, Problem};

/// A request without its bytes. Cheap to clone, for work that continues after the client has hung up.
#[derive(Clone)]
pub struct Request<I: Io> {
    /// The platform.
    pub io: I,
    /// Vars and secrets.
    pub config: Rc<Config>,
    /// The row of the route table.
    pub route: &'static Route,
    /// The authenticated caller.
    pub caller: Rc<Caller>,
    /// Whether the account is suspended according to its ledger. For callers with a token, whose account is not loaded.
    pub suspended: bool,
    /// When the request arrived.
    pub started: EpochMs,
    /// `https://host`, as in the client's URL.
    pub base: Rc<str>,
    /// Whose memory the request's bytes are.
    pub owner: Owner,
    /// The claim of its idempotency key, once it has one.
    pub claim: Rc<OnceCell<Claim>>,
}

/// The right to run a request whose response is stored under a key; another call has it after [`CLAIM_MS`] without a renewal.
///
/// [`CLAIM_MS`]: crate::idempotency::answer::CLAIM_MS
#[derive(Debug)]
pub struct Claim {
    /// The key.
    pub slot: Slot,
    /// Its holder.
    pub holder: String,
}

impl<I: Io> Deref for Request<I> {
    type Target = I;
    fn deref(&self) -> &I {
        &self.io
    }
}

impl<I: Io> Request<I> {
    /// The calling account.
    ///
    /// # Errors
    /// 401.
    pub fn account(&self) -> Result<Rc<Account>, Problem> {
        match &*self.caller {
            Caller::Account(account) => Ok(Rc::clone(account)),
            _ => Err(Problem::Unauthenticated(AuthFailure::Missing)),
        }
    }

    /// A permit for `bytes` bytes of memory, for a body of `length` bytes that is in use for `handling_ms` after its last byte.
    ///
    /// # Errors
    /// [`Problem::Busy`] if none is released in time.
    pub async fn reserve(&self, pool: Pool, bytes: u64, length: u64, handling_ms: u64) -> Result<MemoryPermit, Problem> {
        let holds_ms = body_pace::longest_ms(length).saturating_add(handling_ms);
        wait_for_permit((pool, self.owner), bytes, holds_ms, || self.now(), async |ms| self.sleep(ms).await).await.ok_or(Problem::Busy)
    }
}

/// The problem of a body that broke off.
pub fn lost() -> Problem {
    Problem::Malformed { detail: "The body did not arrive whole.".to_owned() }
}
