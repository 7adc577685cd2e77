//! Namespace of an upload.

use crate::access::authorize::{Principal, ResourceKind};
use crate::accounts::account::Account;
use crate::base::id::Name;
use crate::base::sql::Statement;
use crate::io::Io;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::services::request::Request;

/// The namespace of an upload: the requested one, or the account's own.
///
/// # Errors
/// 404 if the account is not a member; an absent namespace and another account's give the same response.
pub async fn for_upload(call: &Request<impl Io>, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let name = name(account, wanted)?;
    call.find_owned_as(&Principal::Account(account.id), ResourceKind::Namespace, name.as_str()).await
}

/// Its name, and the statement that finds it if the account is a member.
///
/// # Errors
/// As [`for_upload`], except that the statement then gives no row.
pub fn statement(call: &Request<impl Io>, account: &Account, wanted: Option<&Name>) -> Result<(Name, Statement), Problem> {
    let name = name(account, wanted)?;
    let statement = call.find_statement(&Principal::Account(account.id), ResourceKind::Namespace, name.as_str())?;
    Ok((name, statement))
}

/// Its name.
///
/// # Errors
/// 404 if none is requested and the account has none of its own.
pub fn name(account: &Account, wanted: Option<&Name>) -> Result<Name, Problem> {
    wanted.cloned().or_else(|| account.own_namespace()).ok_or(Problem::NotFound)
}
