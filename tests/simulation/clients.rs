//! Clients: their requests, and what they conclude from the responses.

use super::history::{Claim, File, Nth, Op};
use super::parties::{FILES, Party, SHARED, hash, parts, twin};
use super::wiring::complete::{Expected, complete};
use super::wiring::files::{Incoming, delete, simple};
use super::wiring::jobs::daily;
use super::wiring::parts::{chunk, fail, progress};
use super::wiring::start::{StartParams, Started, start};
use super::world::World;

use jettyspeed_edge::base::id::{Id, Name};
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::files::asset::Asset;
use jettyspeed_edge::files::repository::of_account;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::session::state::Meta;

/// The entry at index `nth` from the end, modulo the length.
pub fn nth<T>(list: &[T], nth: Nth) -> Option<&T> {
    let back = nth.checked_rem(list.len())?;
    list.iter().rev().nth(back)
}

/// Runs an operation of a client. Always true: a client's request is not repeated by the platform.
pub async fn run_op(io: &World, op: Op) -> bool {
    let session = |which| nth(&io.opened.borrow(), which).cloned();
    let _ = match op {
        Op::Upload(file) => upload(io, file).await,
        Op::Send(file) => send_all(io, file).await.map(|_| ()),
        Op::Start(file) => open_session(io, file).await.map(|_| ()),
        Op::Chunk { session: which, part, twin } => match session(which) {
            Some(meta) => send_part(io, &meta, part, twin).await,
            None => Ok(()),
        },
        Op::Complete { session: which, claim, guarded } => match session(which) {
            Some(meta) => finish(io, &meta, claim, guarded).await,
            None => Ok(()),
        },
        Op::Fail { session: which } => match session(which) {
            Some(meta) => fail(io, meta.session, meta.account).await,
            None => Ok(()),
        },
        Op::Progress { session: which } => match session(which) {
            Some(meta) => progress(io, meta.session, meta.account).await,
            None => Ok(()),
        },
        Op::Simple(file) => put(io, file).await,
        Op::Delete { who, asset } => remove(io, &io.parties[who], asset).await,
        Op::Daily => daily(io).await,
        Op::Job { .. } => unreachable!("the queue delivers jobs"),
    };
    true
}

fn claimed(file: usize, claim: Claim) -> Option<(Sha256Hex, &'static str)> {
    let text = match claim {
        Claim::Nothing => return None,
        Claim::TheTruth => FILES[file],
        Claim::ALie => FILES[twin(file)],
    };
    Some((hash(text), text))
}

fn namespace(party: &Party, file: File) -> Name {
    // The last account is not a member of the shared namespace.
    if file.shared && file.who < 2 { Name::parse(SHARED).unwrap() } else { party.own.clone() }
}

fn name(file: File) -> String {
    format!("{}{}", FILES[file.file], if file.renamed { " again" } else { "" })
}

/// The file that a session uploads, identified by its name.
fn file_of(meta: &Meta) -> usize {
    FILES.iter().position(|text| meta.file_name.split(' ').next() == Some(text)).unwrap()
}

fn chunk_hashes(file: usize) -> Vec<Sha256Hex> {
    parts(FILES[file]).into_iter().map(Sha256Hex::of).collect()
}

/// The session and its missing parts; None for a duplicate.
async fn open_session(io: &World, file: File) -> Result<Option<(Meta, Vec<u16>)>, Problem> {
    let party = &io.parties[file.who];
    let params = StartParams {
        namespace: namespace(party, file),
        name: name(file),
        size: FILES[file.file].len() as u64,
        claim: claimed(file.file, file.claim),
        chunks: if file.chunks { parts(FILES[file.file]) } else { vec![] },
    };
    match start(io, party, &params).await? {
        Started::Duplicate(asset) => {
            expect_bytes(io, &asset, params.claim.map(|(_, text)| text));
            io.model.borrow_mut().kept.insert(asset.id);
            Ok(None)
        }
        Started::Session { meta, missing } => Ok(Some((meta, missing))),
    }
}

/// A duplicate found by hash must have the bytes of that hash.
fn expect_bytes(io: &World, asset: &Asset, text: Option<&str>) {
    let stored = io.store.borrow().get(&asset.s3_key).ok();
    if stored.as_deref() != text.map(str::as_bytes) {
        io.fail(|| format!("asked for {text:?} by its hash, got {stored:?}"));
    }
}

/// The session with all its parts sent; None for a duplicate.
async fn send_all(io: &World, file: File) -> Result<Option<Meta>, Problem> {
    let Some((meta, missing)) = open_session(io, file).await? else { return Ok(None) };
    for number in missing {
        chunk(io, meta.session, meta.account, number, parts(FILES[file.file])[usize::from(number) - 1]).await?;
    }
    Ok(Some(meta))
}

async fn upload(io: &World, file: File) -> Result<(), Problem> {
    match send_all(io, file).await? {
        Some(meta) => finish(io, &meta, Claim::Nothing, file.chunks).await,
        None => Ok(()),
    }
}

async fn send_part(io: &World, meta: &Meta, part: usize, other: bool) -> Result<(), Problem> {
    let file = file_of(meta);
    let parts = parts(FILES[if other { twin(file) } else { file }]);
    let index = part % parts.len();
    chunk(io, meta.session, meta.account, index as u16 + 1, parts[index]).await
}

async fn finish(io: &World, meta: &Meta, claim: Claim, guarded: bool) -> Result<(), Problem> {
    let file = file_of(meta);
    let file_hash = claimed(file, claim).map(|(hash, _)| hash);
    let expected = Expected { file_hash, chunk_hashes: guarded.then(|| chunk_hashes(file)) };
    io.model.borrow_mut().completes(meta.account, meta.asset, meta.session);
    let asset = complete(io, meta.session, meta.account, &expected).await?;
    io.model.borrow_mut().kept.insert(asset);
    Ok(())
}

async fn put(io: &World, file: File) -> Result<(), Problem> {
    let party = &io.parties[file.who];
    let sha256 = claimed(file.file, if file.claim == Claim::ALie { Claim::TheTruth } else { file.claim });
    let incoming = Incoming { namespace: namespace(party, file), name: name(file), sha256: sha256.map(|(hash, _)| hash), bytes: FILES[file.file] };
    let asset = simple(io, party, &incoming).await?;
    io.model.borrow_mut().kept.insert(asset);
    Ok(())
}

async fn remove(io: &World, party: &Party, which: Nth) -> Result<(), Problem> {
    let mut files: Vec<Asset> = io.db.all(&of_account(party.id, None, 50));
    files.reverse();
    let Some(id): Option<Id> = nth(&files, which).map(|asset| asset.id) else { return Ok(()) };
    io.model.borrow_mut().deleting.insert(id);
    delete(io, party, id).await?;
    io.model.borrow_mut().deleted.insert(id);
    Ok(())
}
