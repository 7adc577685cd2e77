//! What `optimal-edges` and `start` read of D1, in one round trip each.

use crate::accounts::account::Account;
use crate::base::id::Name;
use crate::base::sha256::Sha256Hex;
use crate::chunking::MIN_PART_BYTES;
use crate::clients::{database, shards};
use crate::dedup;
use crate::dedup::chunk::Stored;
use crate::dedup::possession;
use crate::dedup::possession::repository::Question;
use crate::files::asset::Asset;
use crate::files::paths;
use crate::files::paths::repository::Tree;
use crate::io::Io;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::services::dedup::reference::Known;
use crate::services::namespaces::of_upload;
use crate::services::request::Request;
use crate::uploads::optimal::Foreseen;
use crate::uploads::request::StartParams;

/// What D1 has for an upload that is about to start.
pub struct LookedUp {
    /// The namespace.
    pub namespace: Namespace,
    /// The file, in the account's namespace.
    pub known: Known,
    /// The file, in another namespace that shares its bytes: of use only if the account's namespace does, too.
    pub shareable: Option<Asset>,
    /// The file at the path that the upload's is to have.
    pub occupant: Option<Asset>,
    /// Chunks of the file that the namespace has. They may be gone when they are copied.
    pub chunks: Vec<Stored>,
}

/// Reads it. What is read beside the namespace's row counts only if there is one.
///
/// # Errors
/// 404 if the account is not a member of the namespace.
pub async fn look_up(call: &Request<impl Io>, account: &Account, wanted: &StartParams) -> Result<LookedUp, Problem> {
    let (name, namespace) = of_upload::statement(call, account, wanted.namespace.as_ref())?;
    let size = wanted.file_size;
    let mut statements = vec![namespace];
    if let Some(hash) = &wanted.file_hash {
        statements.push(dedup::repository::duplicate(account.id, hash, size, Some(&name), wanted.wanted()));
        statements.push(possession::repository::shareable(Question { account: account.id, namespace: &name, hash, size }));
    }
    if let Some(hashes) = &wanted.chunk_hashes {
        statements.push(dedup::repository::find_chunks(&name, hashes));
    }
    if let Some(placement) = &wanted.placement {
        statements.push(paths::repository::at(Tree { account: account.id, namespace: &name }, &placement.path));
    }
    let started = call.now();
    let mut found = database::results(&shards::of_account(&call.io, account.id).await?, &statements).await?;
    call.span("d1", started);
    let namespace = found.first()?.ok_or(Problem::NotFound)?;
    let (known, shareable) = match wanted.file_hash {
        Some(_) => (Known::of(found.all()?, wanted.wanted()), found.first()?),
        None => (Known::No, None),
    };
    let chunks = if wanted.chunk_hashes.is_some() { found.all()? } else { vec![] };
    let occupant = if wanted.placement.is_some() { found.first()? } else { None };
    Ok(LookedUp { namespace, known, shareable, occupant, chunks })
}

/// Reads the namespace of an upload that is being planned, and whether a file of `size` bytes with these chunks among its own may be stored there.
///
/// # Errors
/// 404 if the account is not a member of the namespace.
pub async fn foresee(
    call: &Request<impl Io>,
    account: &Account,
    wanted: Option<&Name>,
    size: u64,
    chunks: &[Sha256Hex],
) -> Result<(Namespace, Foreseen), Problem> {
    let (name, namespace) = of_upload::statement(call, account, wanted)?;
    let mut statements = vec![namespace, dedup::repository::of_size(&name, size)];
    if !chunks.is_empty() {
        statements.push(dedup::repository::find_chunks(&name, chunks));
    }
    let started = call.now();
    let mut found = database::results(&shards::of_account(&call.io, account.id).await?, &statements).await?;
    call.span("d1", started);
    let namespace: Namespace = found.first()?.ok_or(Problem::NotFound)?;
    // What fits into one part is hashed in no time: it is not asked for.
    let of_size = found.first::<serde_json::Value>()?.is_some() || size <= MIN_PART_BYTES;
    let stored: Vec<Stored> = if chunks.is_empty() { vec![] } else { found.all()? };
    let foreseen = Foreseen::of(of_size, stored, namespace.cross_namespace_dedup);
    Ok((namespace, foreseen))
}
