//! What accounts may in namespaces, so that a hit of the cache of responses needs no D1 query: up to [`TTL_MS`] in the isolate, if the PoP knows of no change
//! (docs/delivery.md, Invalidation).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::access::authorize::ResourceKind;
use crate::access::membership;
use crate::accounts::account::Account;
use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::role::Role;
use crate::problem::Problem;
use crate::response_cache::entry::Generation;
use crate::worker::content::metadata_cache::{HERE_MS, changed_in_pop, changed_since};
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;

/// Lifetime of an entry, ms: as that of credentials. A member that another PoP has removed is one here for as long.
const TTL_MS: u64 = 30_000;

/// Bounds of the isolate's memory.
const MAX_KNOWN: usize = 2_000;
const MAX_BYTES: usize = 1_000_000;

/// An account in a namespace.
#[derive(Debug)]
pub struct Membership {
    /// The namespace.
    pub namespace: Name,
    /// The account's role there.
    pub role: Role,
    /// Which entries of its cache are current.
    pub generation: Generation,
    /// When D1 was asked.
    read_at: EpochMs,
    /// When the PoP was last asked for changes.
    checked_at: Cell<EpochMs>,
}

thread_local! {
    static KNOWN: RefCell<TtlMap<(Id, Name), Rc<Membership>>> =
        RefCell::new(TtlMap::new(MAX_KNOWN, MAX_BYTES, |(_, name), _| 2 * name.as_str().len() + size_of::<Membership>() + size_of::<(Id, Name)>()));
}

/// The account's membership of the namespace, or of its own one.
///
/// # Errors
/// 404 if it is not a member, the same for an absent namespace.
pub async fn find(call: &Routed, account: &Account, wanted: Option<Name>) -> Result<Rc<Membership>, Problem> {
    let name = wanted.or_else(|| account.own_namespace()).ok_or(Problem::NotFound)?;
    let (key, now) = ((account.id, name), clock::now());
    let known = KNOWN.with_borrow(|known| known.get(&key, now).map(Rc::clone));
    if let Some(known) = known
        && is_current(call, &known, now).await
    {
        return Ok(known);
    }
    let namespace: Namespace = call.service.find_owned(ResourceKind::Namespace, key.1.as_str()).await?;
    let found = Rc::new(Membership {
        role: membership::role(account, &namespace),
        generation: Generation { created_at: namespace.created_at, purges: namespace.generation },
        namespace: namespace.name,
        read_at: now,
        checked_at: Cell::new(now),
    });
    // Its age counts from the start of the query, because the namespace may have changed while D1 was answering.
    KNOWN.with_borrow_mut(|known| known.insert(key, Rc::clone(&found), now.plus(TTL_MS), clock::now()));
    Ok(found)
}

/// Whether nothing of the namespace was changed since it was read: in this isolate, and a second ago in this PoP.
async fn is_current(call: &Routed, known: &Membership, now: EpochMs) -> bool {
    if changed_since(&[known.namespace.as_str()], known.read_at, now) {
        return false;
    }
    if now.since(known.checked_at.get()) < HERE_MS {
        return true;
    }
    if changed_in_pop(&call.cache, &known.namespace).await >= known.read_at {
        return false;
    }
    known.checked_at.set(now);
    true
}
