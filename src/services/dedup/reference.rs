//! References to stored bytes instead of sending them.

use crate::accounts::account::Account;
use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only as Counted, UploadCount};
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::clients::{database, ledger, live, shards};
use crate::dedup;
use crate::dedup::lookup::{DuplicateView, Found, Wanted, view};
use crate::files::asset::Asset;
use crate::files::paths::placement::Placement;
use crate::io::Io;
use crate::live::event as live_event;
use crate::problem::Problem;
use crate::services::paths::place;
use crate::services::request::Request;
use crate::services::webhooks;
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};

/// Result of [`find_duplicate`].
pub enum Known {
    /// Not stored in the caller's namespaces.
    No,
    /// Stored; the caller has no asset of it.
    Stored(Box<Asset>),
    /// Stored, and the caller has an asset of it.
    Owned(Box<Asset>),
}

/// Looks up a file in one query. Of several assets of the account, the one that is `wanted` is preferred.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find_duplicate(
    io: &impl Io,
    account: Id,
    hash: &Sha256Hex,
    size: u64,
    namespace: Option<&Name>,
    wanted: Wanted<'_>,
) -> Result<Known, Problem> {
    let found =
        database::all(&shards::of_account_to_read(io, account).await?, &dedup::repository::duplicate(account, hash, size, namespace, wanted)).await?;
    Ok(Known::of(found, wanted))
}

impl Known {
    /// The best of the rows of [`dedup::repository::duplicate`].
    pub fn of(found: Vec<Found>, wanted: Wanted) -> Known {
        match found.into_iter().min_by_key(|found| (!found.owned, !wanted.is(&found.asset))) {
            None => Known::No,
            Some(Found { owned: true, asset }) => Known::Owned(Box::new(asset)),
            Some(Found { owned: false, asset }) => Known::Stored(Box::new(asset)),
        }
    }
}

/// Creates an asset of that name, and in that place, that references the bytes of `known`. `None` if garbage collection or a concurrent call was first.
///
/// # Errors
/// 403, 507; [`Problem::PathTaken`].
pub async fn refer(
    call: &Request<impl Io>,
    account: &Account,
    known: Asset,
    name: String,
    content_type: String,
    placement: Option<&Placement>,
) -> Result<Option<Asset>, Problem> {
    let modified_at = placement.and_then(|placement| placement.modified_at).or(known.modified_at);
    let asset = Asset { id: call.id()?, account_id: account.id, name, content_type, created_at: call.now(), path: None, modified_at, ..known };
    let place = place::look(call, &asset, placement).await?;
    let asset = Asset { path: place::expected(place.as_ref()), ..asset };
    let is_heard = ledger::adopt(&call.io, account, &asset).await?;
    let db = shards::of_account(&call.io, account.id).await?;
    let event = webhooks::event(&call.io, EventKind::UploadCompleted, &data::upload_completed(&asset, Vec::new(), &call.base, asset.created_at))?;
    let mut statements = dedup::repository::refer(&asset, placement.map(|placement| &placement.path));
    let made = statements.len();
    statements.extend(place::statements(call, place.as_ref(), &asset));
    let placing = statements.len() - made;
    statements.extend(add_upload(&asset.namespace, &UploadCount::deduplicated(asset.size), Counted::IfThere(asset.id), asset.created_at));
    let writes = statements.len();
    statements.push(emit(&asset.namespace, &event, Only::WithAsset(asset.id)));
    statements.push(crate::ledger::repository::asset_stored(asset.id));
    // On an error the outcome is unknown: the ledger's scheduled check settles it.
    let written = database::results(&db, &statements).await;
    let mut rows = match written {
        Ok(rows) => rows,
        Err(problem) => return Err(place::why(&call.io, &asset, placement, problem).await),
    };
    let placed = place::read(place.as_ref(), rows.skip(made))?;
    let notices: Vec<Written> = rows.skip(writes - made - placing).all()?;
    let stored: Option<serde_json::Value> = rows.first()?;
    if stored.is_some() {
        let asset = Asset { path: placed.path.clone(), ..asset };
        place::tell(call, place, placed).await;
        webhooks::send(&call.io, &asset.namespace, notices).await;
        if is_heard {
            live::publish_afterwards(&call.io, account.id, live_event::stored(&asset, asset.created_at));
        }
        return Ok(Some(asset));
    }
    ledger::release(&call.io, account.id, asset.id).await?;
    Ok(None)
}

/// The result of [`find_duplicate`] as an API response.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn duplicate(call: &Request<impl Io>, account: &Account, hash: &Sha256Hex, size: u64) -> Result<DuplicateView, Problem> {
    let known = find_duplicate(&call.io, account.id, hash, size, None, Wanted::default()).await?;
    let asset = match &known {
        Known::Owned(asset) => Some(&**asset),
        Known::Stored(_) | Known::No => None,
    };
    Ok(view(!matches!(known, Known::No), asset, size, call.config.dedup_usd_per_gb, &call.base))
}
