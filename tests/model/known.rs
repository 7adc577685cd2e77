//! Defects of the product that are known and not yet mended. Where a constant is true the model does what a mended product would; it goes with the defect.

/// `upload/routes/simple.rs`: whoever dies between putting the object and writing its row, or loses the answer of the put, leaves an object that nobody
/// ever finds. Such objects are not looked for.
pub const SIMPLE_OBJECT_IS_ORPHANED: bool = true;

/// `upload/routes/mod.rs`, `gone_at_store`: the store has no such upload because a completion that died made it an object; the upload is forgotten and the
/// object stays. Here it is given up, object and all.
pub const GONE_AT_STORE_ORPHANS_OBJECT: bool = true;

/// `upload/routes/sessions.rs`, `progress_of`: an upload that expired while it was completing is forgotten and its object stays. Here it is given up.
pub const EXPIRED_IN_PROGRESS_ORPHANS_OBJECT: bool = true;

/// `accounts/ledger/book.rs`, `settle`: a settlement drops the watch of a deletion that is under way, and a repeated adoption its own; should whoever put it
/// die, what it was to find out stays booked for ever. Here the watch stays.
pub const SETTLE_FORGETS_DOUBT: bool = true;

/// `dedup/verify.rs`, `join`: when the job of the older of two objects dies between merging them and telling the owners' ledgers, its repetition finds
/// nothing to merge and tells nobody. Here it tells them before, so that they ask how it ended.
pub const JOIN_FORGETS_OWNERS: bool = true;

/// `dedup/verify.rs`, `join`: an account that has the object that goes under two names is told of each alone; in between it is booked for both objects, and
/// may be over its quota. Here what is held twice counts once against the quota.
pub const TWINS_ARE_BOOKED_TWICE: bool = true;

/// `assets/routes.rs`, `remove`: the references are counted of the object that the asset had when it was read; if the asset was moved to a twin since, the
/// twin's are not counted, and it is never collected. Here those of the object it has are counted.
pub const DELETE_COUNTS_WHAT_IT_READ: bool = true;

/// `accounts/ledger/book.rs`, `settle`: a settlement that comes after its asset's release is booked although its bytes may be reserved by others by then;
/// until the ledger looks into it, the account is over its quota. Here it is only looked into.
pub const LATE_SETTLE_EXCEEDS_QUOTA: bool = true;

/// `upload/routes/complete.rs`, `keep`: a completion that is repeated after its file was inserted and deleted inserts it again, into an object that is not
/// counted, or that the collector has. Here a completion whose upload's row is closed inserts nothing.
pub const COMPLETE_REVIVES_DELETED: bool = true;

/// `upload/ending.rs`, `give_up`: a completion dies after its file was inserted, the file is deleted, and its object, in its grace period, becomes another
/// file's; when the session ends, that object is deleted. Here an object that the database knows is left to the collector.
pub const GIVE_UP_DELETES_OBJECT_OF_OTHERS: bool = true;

/// `dedup/reference.rs`, `refer`: an object that was joined with an older one between being found and being referred to is referred to, and nobody joins the
/// two again. Here only the oldest is referred to.
pub const REFER_SPLITS_TWINS: bool = true;
