//! Where new files came from: a PoP knows for an hour what was uploaded at it (docs/delivery.md, New files).

use std::cell::RefCell;

use crate::base::id::Id;
use crate::base::ttl_map::TtlMap;
use crate::delivery::popularity::ahead::{NEW_MS, mark};
use crate::io::Io;
use crate::worker::content::cache;
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;
use crate::worker::platform::pop_cache::PopCache;

/// Objects that an isolate remembers, some 100 bytes each.
const MAX_OBJECTS: usize = 5_000;
const MAX_BYTES: usize = 500_000;

thread_local! {
    /// Objects that were uploaded by way of this isolate.
    static FROM_HERE: RefCell<TtlMap<Id, ()>> = RefCell::new(TtlMap::new(MAX_OBJECTS, MAX_BYTES, |_, ()| size_of::<Id>()));
}

/// Notes that an object was uploaded at this PoP: for its other isolates in its cache.
pub fn note(call: &Routed, object: Id) {
    let now = clock::now();
    FROM_HERE.with_borrow_mut(|from_here| from_here.insert(object, (), now.plus(NEW_MS), now));
    let held = call.clone();
    call.io.afterwards(async move { cache::put_text(&held.cache, &mark(object), "here", NEW_MS / 1000).await });
}

/// Whether the object was lately uploaded at this PoP. A PoP may forget it: then the file counts as one from elsewhere.
pub async fn is_here(pop: &PopCache, object: Id) -> bool {
    let now = clock::now();
    FROM_HERE.with_borrow(|from_here| from_here.get(&object, now).is_some()) || cache::get_text(pop, &mark(object)).await.is_some()
}
