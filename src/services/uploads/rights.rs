//! Whether the rights behind an upload still exist. Asked where a right is used for long: for a fresh token, for presigned URLs, for the completion; never for
//! a part.

use crate::access::caller::Caller;
use crate::accounts::directory::Item;
use crate::auth::upload_token::UploadClaims;
use crate::base::shard::Access;
use crate::clients::shards;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::request::Request;
use crate::uploads::repository;
use crate::uploads::rights::Rights;

/// Checks the account's status, its membership of the upload's namespace, and the credentials behind the claims.
///
/// # Errors
/// As [`Rights::check`].
pub async fn check(call: &Request<impl Io>, upload: &UploadClaims) -> Result<(), Problem> {
    let started = call.now();
    let statement = repository::rights(upload.account, &upload.namespace, upload.generation, started);
    let rights: Option<Rights> = shards::certainly_first_of(&call.io, Item::Account(upload.account), Access::Read, &statement).await?;
    call.span("rights", started);
    rights.ok_or(Problem::NotFound)?.check()
}

/// Generation of the credentials that the call acts under: the caller's own, or those that its token was issued to.
pub fn generation(call: &Request<impl Io>) -> u64 {
    match &*call.caller {
        Caller::Account(account) => account.generation,
        Caller::Token(claims) => claims.generation,
        _ => 0,
    }
}
