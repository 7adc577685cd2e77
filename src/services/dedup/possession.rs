//! Proof of possession: issues challenges and verifies answers (docs/uploads.md, Proof of possession). The bytes of the ranges stay in JavaScript, and the
//! runtime computes the HMACs.

use futures_util::stream::{self, StreamExt};

use crate::accounts::account::Account;
use crate::base::sha256::Sha256Hex;
use crate::clients::{database, shards, store};
use crate::config::Config;
use crate::dedup::possession::challenge::{Challenge, is_right};
use crate::dedup::possession::repository;
use crate::dedup::possession::repository::{Question, Taken};
use crate::dedup::verification::is_range;
use crate::files::asset::Asset;
use crate::files::paths::placement::Placement;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::problem::{OriginFailure, Problem};
use crate::s3::operations::get_object;
use crate::services::dedup::reference::refer;
use crate::services::request::Request;
use crate::uploads::copy_chunks::COPIES_AT_ONCE;

/// Issues a challenge about `found`, an object that another namespace stores. `None` after too many answers.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn issue_challenge(call: &Request<impl Io>, question: Question<'_>, found: &Asset) -> Result<Option<Challenge>, Problem> {
    let db = shards::of_account(&call.io, question.account).await?;
    let challenge = Challenge::draw(call.id()?, question.size, &call.random()?, call.now());
    let asked: Option<serde_json::Value> =
        database::first(&db, &repository::insert_challenge(question, &challenge, found.object_id, call.now())).await?;
    Ok(asked.map(|_| challenge))
}

/// Verifies an answer and creates an asset of that name and type that references the bytes. `None` if the object was deleted meanwhile.
///
/// # Errors
/// [`Problem::ProofRefused`] if the answer is wrong, late, or there is no challenge; errors of the store; 403, 507.
pub async fn verify_answer(
    call: &Request<impl Io>,
    account: &Account,
    question: Question<'_>,
    proof: &Sha256Hex,
    (name, content_type): (&str, &str),
    placement: Option<&Placement>,
) -> Result<Option<Asset>, Problem> {
    let db = shards::of_account(&call.io, question.account).await?;
    let mut taken = database::results(&db, &[repository::consume_challenge(question), repository::shareable_of_challenge(question)]).await?;
    let challenge = taken.first::<Taken>()?.and_then(|taken| taken.challenge(call.now())).ok_or(Problem::ProofRefused)?;
    let Some(found) = taken.first::<Asset>()? else { return Ok(None) };
    let started = call.now();
    let answers = answers(&call.io, &call.config, &challenge, &found).await;
    call.span("origin", started);
    if answers.is_err() {
        // An origin error does not use up the challenge.
        database::batch(&db, &[repository::restore_challenge(question, challenge.id)]).await?;
    }
    let answers = answers?;
    if !is_right(&answers, proof) {
        return Err(Problem::ProofRefused);
    }
    refer(call, account, found, name.to_owned(), content_type.to_owned(), placement).await
}

/// The accepted HMACs over the ranges. A range's end is inclusive; the HMAC with an exclusive end is accepted too, because it also proves possession.
async fn answers(io: &impl Io, config: &Config, challenge: &Challenge, object: &Asset) -> Result<Vec<[u8; 32]>, Problem> {
    let read = stream::iter(&challenge.ranges).map(|(first, last)| read_range(io, config, object, *first, *last)).buffered(COPIES_AT_ONCE);
    let read: Vec<Result<_, Problem>> = read.collect().await;
    let read: Vec<_> = read.into_iter().collect::<Result<_, _>>()?;
    let mut answers = Vec::new();
    for key in challenge.keys() {
        for left_out in [0, 1] {
            answers.push(io.hmac(&key, &read, left_out).await?);
        }
    }
    Ok(answers)
}

async fn read_range<I: Io>(io: &I, config: &Config, object: &Asset, first: u64, last: u64) -> Result<I::Buffer, Problem> {
    let action = get_object::get_object(&object.s3_key, Some((first, last)));
    let refused = |error| store::problem("GetObject", &error);
    let mismatch = || Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned()));
    let wanted = last - first + 1;
    let answer = store::send(io, config, &action, Body::Empty).await.map_err(refused)?;
    // A store that ignores the Range field would send the whole object, of any size.
    let other_range = answer.status() == 206 && !is_range(answer.status(), answer.header("content-range").as_deref(), first, last);
    if other_range || answer.status() != 206 && answer.content_length() != Some(wanted) {
        answer.discard();
        return Err(mismatch());
    }
    let bytes = io.buffer_of(&answer, wanted, store::RESPONSE_TIMEOUT_MS).await.map_err(refused)?;
    if io.length_of(&bytes) != Some(wanted) {
        return Err(mismatch());
    }
    Ok(bytes)
}
