//! Proof of possession: issues challenges and verifies answers (docs/uploads.md, Proof of possession). The bytes of the ranges stay in JavaScript, and the
//! runtime computes the HMACs.

use futures_util::stream::{self, StreamExt};
use wasm_bindgen::JsValue;

use crate::accounts::account::Account;
use crate::base::sha256::Sha256Hex;
use crate::config::Config;
use crate::dedup::possession::challenge::{Challenge, is_right};
use crate::dedup::possession::repository;
use crate::dedup::possession::repository::{Question, Taken};
use crate::dedup::verification::is_range;
use crate::files::asset::Asset;
use crate::problem::{OriginFailure, Problem};
use crate::s3::operations::get_object;
use crate::uploads::copy_chunks::COPIES_AT_ONCE;
use crate::worker::http::call::Routed;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{clock, d1, js, origin, random, shards};
use crate::worker::services::dedup::reference::refer;

/// Issues a challenge about `found`, an object that another namespace stores. `None` after too many answers.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn issue_challenge(call: &Routed, question: Question<'_>, found: &Asset) -> Result<Option<Challenge>, Problem> {
    let db = shards::of_account(&call.env, question.account).await?;
    let challenge = Challenge::draw(random::id()?, question.size, &random::bytes()?, clock::now());
    let asked: Option<serde_json::Value> = d1::first(&db, &repository::insert_challenge(question, &challenge, found.object_id, clock::now())).await?;
    Ok(asked.map(|_| challenge))
}

/// Verifies an answer and creates an asset of that name that references the bytes. `None` if the object was deleted meanwhile.
///
/// # Errors
/// [`Problem::ProofRefused`] if the answer is wrong, late, or there is no challenge; errors of the store; 403, 507.
pub async fn verify_answer(
    call: &Routed,
    account: &Account,
    question: Question<'_>,
    proof: &Sha256Hex,
    name: &str,
    content_type: &str,
) -> Result<Option<Asset>, Problem> {
    let db = shards::of_account(&call.env, question.account).await?;
    let mut taken = d1::results(&db, &[repository::consume_challenge(question), repository::shareable_of_challenge(question)]).await?;
    let challenge = taken.first::<Taken>()?.and_then(|taken| taken.challenge(clock::now())).ok_or(Problem::ProofRefused)?;
    let Some(found) = taken.first::<Asset>()? else { return Ok(None) };
    let started = clock::now();
    let answers = answers(&call.config, &challenge, &found).await;
    call.span("origin", started);
    if answers.is_err() {
        // An origin error does not use up the challenge.
        d1::batch(&db, &[repository::restore_challenge(question, challenge.id)]).await?;
    }
    let answers = answers?;
    if !is_right(&answers, proof) {
        return Err(Problem::ProofRefused);
    }
    refer(call, account, found, name.to_owned(), content_type.to_owned()).await
}

/// The accepted HMACs over the ranges. A range's end is inclusive; the HMAC with an exclusive end is accepted too, because it also proves possession.
async fn answers(config: &Config, challenge: &Challenge, object: &Asset) -> Result<Vec<[u8; 32]>, Problem> {
    let read = stream::iter(&challenge.ranges).map(|(first, last)| read_range(config, object, *first, *last)).buffered(COPIES_AT_ONCE);
    let read: Vec<Result<JsValue, Problem>> = read.collect().await;
    let read: Vec<JsValue> = read.into_iter().collect::<Result<_, _>>()?;
    let unexpected = |error: JsValue| crate::worker::platform::log::internal("hmac", &js::error_text(&error));
    let mut answers = Vec::new();
    for key in challenge.keys() {
        for left_out in [0, 1] {
            answers.push(js::hmac(&key, &js::concatenated(&read, left_out)).await.map_err(unexpected)?);
        }
    }
    Ok(answers)
}

async fn read_range(config: &Config, object: &Asset, first: u64, last: u64) -> Result<JsValue, Problem> {
    let action = get_object::get_object(&object.s3_key, Some((first, last)));
    let refused = |error| origin::problem("GetObject", &error);
    let mismatch = || Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned()));
    let wanted = last - first + 1;
    let answer = origin::send(config, &action, Body::Empty).await.map_err(refused)?;
    // A store that ignores the Range field would send the whole object, of any size.
    let other_range = answer.status == 206 && !is_range(answer.status, answer.header("content-range").as_deref(), first, last);
    if other_range || answer.status != 206 && answer.header("content-length").and_then(|text| text.parse().ok()) != Some(wanted) {
        answer.discard();
        return Err(mismatch());
    }
    let bytes = answer.bytes(wanted, origin::RESPONSE_TIMEOUT_MS).await.map_err(refused)?;
    if js::byte_length(&bytes) != Some(wanted) {
        return Err(mismatch());
    }
    Ok(bytes)
}
