//! The beginning of a new file is read into the cache when somebody elsewhere than it came from is given its URL (docs/delivery.md, New files).

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::id::Id;
use crate::base::ttl_map::TtlMap;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::popularity::ahead::{first_slice, is_new};
use crate::io::Io;
use crate::worker::content::{came_from, fill, meter};
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;

/// Objects that an isolate has begun to read ahead, each for a minute; some 100 bytes each.
const MAX_BEGUN: usize = 1_000;
const MAX_BYTES: usize = 100_000;
const BEGUN_MS: u64 = 60_000;

thread_local! {
    static BEGUN: RefCell<TtlMap<Id, ()>> = RefCell::new(TtlMap::new(MAX_BEGUN, MAX_BYTES, |_, ()| size_of::<Id>()));
}

/// Reads the first slice of a new file from elsewhere, which the caller is about to download and which is not cached here. In the background; at the expense of
/// the account that owns the file, as the download would be; once a minute and isolate.
pub fn read_first(call: &Routed, source: &Rc<ContentDescriptor>) {
    let now = clock::now();
    let Some(slice) = first_slice(source).filter(|_| is_new(source, now) && call.config.popularity_window_seconds > 0) else { return };
    let claim = || BEGUN.with_borrow_mut(|begun| begun.claim(source.object, (), now.plus(BEGUN_MS), now));
    if source.suspended || meter::may_send(call, source.account).is_err() || !claim() {
        return;
    }
    let (held, source) = (call.clone(), Rc::clone(source));
    call.io.afterwards(async move {
        if !came_from::is_here(&held.cache, source.object).await {
            fill::warm(&held, &source, slice).await;
        }
    });
}
