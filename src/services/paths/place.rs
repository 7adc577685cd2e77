//! Gives a new file its path, in the batch of statements that makes the file, and deletes the file whose path it takes.

use serde::Deserialize;

use crate::base::id::Id;
use crate::base::sql::Statement;
use crate::clients::database::Results;
use crate::clients::{database, ledger, shards};
use crate::files::asset::Asset;
use crate::files::paths::path::Path;
use crate::files::paths::placement::{IfExists, Placement, Taken};
use crate::files::paths::repository;
use crate::files::paths::repository::Tree;
use crate::io::Io;
use crate::io::stale::Stale;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services::request::Request;
use crate::services::webhooks;
use crate::webhooks::data;
use crate::webhooks::event::{Event, EventKind};
use crate::webhooks::repository::{Written, emit_replaced};

/// A place that was looked at.
pub struct Place {
    placement: Placement,
    /// The upload whose file it is: it is placed only while that is open.
    upload: Option<Id>,
    /// The path as it was free a moment ago: the placement's, or a numbered form of it.
    expected: Path,
    replaced: Option<Replaced>,
    /// The name that a file gets that is moved.
    renamed: Option<String>,
}

/// The file whose path is taken, and what is told of its end.
struct Replaced {
    asset: Box<Asset>,
    event: Event,
}

/// What came of the statements.
#[derive(Default)]
pub struct Placed {
    /// The path that the file has; None if the file was not made.
    pub path: Option<Path>,
    deleted: bool,
    notices: Vec<Written>,
}

#[derive(Deserialize)]
struct PathRow {
    path: Path,
}

/// Refuses a file before its bytes are sent.
///
/// # Errors
/// [`Problem::PathTaken`].
pub async fn may_be_placed(io: &impl Io, tree: Tree<'_>, placement: Option<&Placement>) -> Result<(), Problem> {
    let Some(placement) = placement.filter(|placement| placement.if_exists == IfExists::Fail) else { return Ok(()) };
    placement.beside(database::first(&shards::of_account(io, tree.account).await?, &repository::at(tree, &placement.path)).await?).map(drop)
}

/// Looks at what has the path that `asset`, which there is not yet, is to have.
///
/// # Errors
/// [`Problem::PathTaken`].
pub async fn look(call: &Request<impl Io>, asset: &Asset, placement: Option<&Placement>) -> Result<Option<Place>, Problem> {
    let Some(placement) = placement else { return Ok(None) };
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    let mut statements = vec![repository::at(tree, &placement.path)];
    if placement.if_exists == IfExists::KeepBoth {
        statements.push(repository::free(asset.id, tree, &placement.path));
    }
    let mut rows = database::results(&shards::of_account(&call.io, asset.account_id).await?, &statements).await?;
    let taken = placement.beside(rows.first()?)?;
    let free = rows.first::<PathRow>()?.map(|row| row.path);
    place(call, asset, placement.clone(), taken, free, None).await.map(Some)
}

/// Looks at what has the path to which `asset` is to be moved, under another name.
///
/// # Errors
/// [`Problem::PathTaken`].
pub async fn look_for_move(call: &Request<impl Io>, asset: &Asset, placement: &Placement, name: String) -> Result<Place, Problem> {
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    let db = shards::of_account(&call.io, asset.account_id).await?;
    let other: Option<Asset> = database::first(&db, &repository::at(tree, &placement.path)).await?;
    let taken = placement.beside(other.filter(|other| other.id != asset.id))?;
    Ok(Place { renamed: Some(name), ..place(call, asset, placement.clone(), taken, None, None).await? })
}

/// Why a batch failed: with [`IfExists::Fail`] the path may have been taken meanwhile.
pub async fn why(io: &impl Io, asset: &Asset, placement: Option<&Placement>, problem: Problem) -> Problem {
    let Some(placement) = placement.filter(|placement| placement.if_exists == IfExists::Fail) else { return problem };
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    match shards::certainly_first::<Asset>(io, asset.account_id, &repository::at(tree, &placement.path)).await {
        Ok(Some(other)) if other.id != asset.id => placement.beside(Some(other)).err().unwrap_or(problem),
        _ => problem,
    }
}

/// Looks at what has the path that an upload's file is to have. Its bytes are at the store: a file that came in between gets no refusal any more, but a number.
///
/// # Errors
/// Of D1 and the ledger.
pub async fn look_for_upload(call: &Request<impl Io>, asset: &Asset, placement: Option<&Placement>, upload: Id) -> Result<Option<Place>, Problem> {
    let Some(placement) = placement else { return Ok(None) };
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    let placement = match placement.if_exists {
        IfExists::Fail => Placement { if_exists: IfExists::KeepBoth, ..placement.clone() },
        IfExists::Replace | IfExists::KeepBoth => placement.clone(),
    };
    let statements = [repository::at_while_open(tree, &placement.path, asset.id, upload), repository::free(asset.id, tree, &placement.path)];
    let mut rows = database::results(&shards::of_account(&call.io, asset.account_id).await?, &statements).await?;
    let taken = placement.beside(rows.first()?)?;
    let free = rows.first::<PathRow>()?.map(|row| row.path);
    place(call, asset, placement, taken, free, Some(upload)).await.map(Some)
}

/// Whether another file has the path of an upload that is to be completed and must not take it.
///
/// # Errors
/// [`Problem::PathTaken`].
pub async fn must_be_free(io: &impl Io, asset: &Asset, placement: Option<&Placement>, upload: Id) -> Result<(), Problem> {
    let Some(placement) = placement.filter(|placement| placement.if_exists == IfExists::Fail) else { return Ok(()) };
    let tree = Tree { account: asset.account_id, namespace: &asset.namespace };
    let statement = repository::at_while_open(tree, &placement.path, asset.id, upload);
    placement.beside(database::first(&shards::of_account(io, asset.account_id).await?, &statement).await?).map(drop)
}

async fn place(
    call: &Request<impl Io>,
    asset: &Asset,
    placement: Placement,
    taken: Taken,
    free: Option<Path>,
    upload: Option<Id>,
) -> Result<Place, Problem> {
    let expected = match taken {
        Taken::Numbered => free.unwrap_or_else(|| placement.path.clone()),
        Taken::Free | Taken::Replaces(_) => placement.path.clone(),
    };
    let replaced = match taken {
        Taken::Replaces(other) => {
            // The ledger is notified before and after: if this request dies in between, the ledger checks the outcome in D1.
            ledger::schedule_check(&call.io, asset.account_id, other.id).await?;
            let event = webhooks::event(&call.io, EventKind::AssetDeleted, &data::asset_deleted(&other, &call.base))?;
            Some(Replaced { asset: other, event })
        }
        Taken::Free | Taken::Numbered => None,
    };
    Ok(Place { placement, upload, expected, replaced, renamed: None })
}

/// The path that the file will have, unless another one comes in between.
pub fn expected(place: Option<&Place>) -> Option<Path> {
    place.map(|place| place.expected.clone())
}

/// The statements behind those that make `asset`, and, for an upload, before the one that closes it.
pub fn statements(call: &Request<impl Io>, place: Option<&Place>, asset: &Asset) -> Vec<Statement> {
    let Some(place) = place else { return Vec::new() };
    let path = &place.placement.path;
    let mut statements = Vec::new();
    if let Some(Replaced { asset: other, event }) = &place.replaced {
        let [unrefer, delete] = repository::delete_at(other, path, asset.id, call.now());
        statements.extend([unrefer, emit_replaced(&other.namespace, event, other.id, path.as_str(), asset.id), delete]);
    }
    statements.push(match &place.renamed {
        Some(name) => repository::move_to(asset, &place.placement, name),
        None => repository::place(asset, &place.placement, place.upload),
    });
    statements
}

/// Reads what came of [`statements`].
///
/// # Errors
/// [`Problem::Internal`].
pub fn read(place: Option<&Place>, rows: &mut Results) -> Result<Placed, Problem> {
    let Some(place) = place else { return Ok(Placed::default()) };
    let mut placed = Placed::default();
    if place.replaced.is_some() {
        placed.notices = rows.skip(1).all()?;
        placed.deleted = rows.first::<serde_json::Value>()?.is_some();
    }
    placed.path = rows.first::<PathRow>()?.map(|row| row.path);
    Ok(placed)
}

/// Tells of the file that was deleted. What fails is done later: the ledger checks the outcome, and the daily run collects the object and sends events.
pub async fn tell(call: &Request<impl Io>, place: Option<Place>, placed: Placed) {
    let Some(Replaced { asset, .. }) = place.and_then(|place| place.replaced).filter(|_| placed.deleted) else { return };
    call.forget(Stale::File(&asset.namespace, asset.id)).await;
    let _ = ledger::release(&call.io, asset.account_id, asset.id).await;
    webhooks::send(&call.io, &asset.namespace, placed.notices).await;
    let _ = call.enqueue(&Job::Collect, call.config.delete_grace_seconds).await;
}
