//! Namespace of an upload.

use crate::access::authorize::ResourceKind;
use crate::accounts::account::Account;
use crate::base::id::Name;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::worker::http::call::Routed;

/// The namespace of an upload: the requested one, or the account's own.
///
/// # Errors
/// 404 if the account is not a member; an absent namespace and another account's give the same response.
pub async fn for_upload(call: &Routed, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let own = account.own_namespace();
    let name = wanted.or(own.as_ref()).ok_or(Problem::NotFound)?;
    call.find_owned_as(&crate::access::authorize::Principal::Account(account.id), ResourceKind::Namespace, name.as_str()).await
}
