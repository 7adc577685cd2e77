//! Browsers' sessions: begun, found, listed, ended.

use crate::accounts::browser_session::{BrowserSession, repository, user_agent};
use crate::auth::browser_cookie::TTL_MS;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::shard::Shard;
use crate::clients::database;
use crate::io::Io;
use crate::problem::Problem;

/// What is known of a browser that signs in.
#[derive(Debug, Default)]
pub struct Browser {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// ISO 3166-1 code.
    pub country: Option<String>,
}

/// Begins a session of `owner`, bound to `proof` ([`BrowserSession::proof`]).
///
/// # Errors
/// [`Problem::Internal`].
pub async fn begin(io: &impl Io, owner: String, proof: String, browser: Browser) -> Result<BrowserSession, Problem> {
    let now = io.now();
    let session = BrowserSession {
        id: Id::from_random(io.random()?),
        owner,
        proof,
        created_at: now,
        expires_at: now.plus(TTL_MS),
        user_agent: user_agent(browser.user_agent.as_deref()),
        country: browser.country,
    };
    database::batch(&io.db(Shard::MAIN)?, &repository::insert(&session)).await?;
    Ok(session)
}

/// The session, unless it has ended.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find(io: &impl Io, session: Id) -> Result<Option<BrowserSession>, Problem> {
    database::first(&io.db(Shard::MAIN)?, &repository::find(session, io.now())).await
}

/// Those of an owner, newest first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_owner(io: &impl Io, owner: &str) -> Result<Vec<BrowserSession>, Problem> {
    database::all(&io.db(Shard::MAIN)?, &repository::of_owner(owner, io.now())).await
}

/// Ends a session of `owner`.
///
/// # Errors
/// 404 for another owner's, as for none.
pub async fn end(io: &impl Io, session: Id, owner: &str) -> Result<(), Problem> {
    let ended: Option<serde_json::Value> = database::first(&io.db(Shard::MAIN)?, &repository::end(session, owner)).await?;
    ended.map(|_| ()).ok_or(Problem::NotFound)
}

/// Has a session go on with a new key, when the one that it was opened with is replaced.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn go_on_with(io: &impl Io, session: Id, key: &Sha256Hex) -> Result<(), Problem> {
    database::batch(&io.db(Shard::MAIN)?, &[repository::go_on_with(session, key)]).await
}
