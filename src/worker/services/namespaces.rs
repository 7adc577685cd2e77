//! The namespace an upload goes to.

use crate::access::authorize::ResourceKind;
use crate::accounts::account::Account;
use crate::base::id::Name;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::worker::http::call::Routed;

/// The namespace an upload goes to: the one asked for, or the account's own.
///
/// # Errors
/// 404 if the account is no member: absent and another's are the same.
pub async fn for_upload(call: &Routed, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let own = account.own_namespace();
    let name = wanted.or(own.as_ref()).ok_or(Problem::NotFound)?;
    call.find_owned_as(&crate::access::authorize::Principal::Account(account.id), ResourceKind::Namespace, name.as_str()).await
}
