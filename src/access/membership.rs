//! What a member of a namespace may change there (docs/accounts.md, "Namespaces").

use crate::access::caller::Caller;
use crate::accounts::account::Account;
use crate::base::id::Id;
use crate::namespaces::namespace::Namespace;
use crate::namespaces::role::Role;
use crate::problem::Problem;

/// The account's role in a namespace that was found for it. Nothing demotes an account in the namespace that came with it.
pub fn role(account: &Account, namespace: &Namespace) -> Role {
    if account.own_namespace().as_ref() == Some(&namespace.name) { Role::Manager } else { namespace.role.unwrap_or_default() }
}

/// Whether an account with this role may replace or delete a thing of `owner`; `None`: nobody has it yet.
///
/// # Errors
/// [`Problem::ManagerOnly`].
pub fn may_change(role: Role, account: Id, owner: Option<Id>) -> Result<(), Problem> {
    match owner {
        Some(owner) if owner != account && role != Role::Manager => Err(Problem::ManagerOnly),
        _ => Ok(()),
    }
}

/// Whether the caller may rename the namespace and set its TTLs.
///
/// # Errors
/// [`Problem::ManagerOnly`].
pub fn may_configure(caller: &Caller, namespace: &Namespace) -> Result<(), Problem> {
    match caller {
        Caller::Operator => Ok(()),
        Caller::Account(account) if role(account, namespace) == Role::Manager => Ok(()),
        _ => Err(Problem::ManagerOnly),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn account() -> Account {
        serde_json::from_value(serde_json::json!({
            "id": Id::from_random([1; 16]), "agentcache_user_id": "u1", "status": "active", "secret_hash": "aa", "credential_expires_at": null,
            "account_updated_at": 0, "tier": "t", "rank": 1, "storage_quota_gb": 1, "bandwidth_quota_gb": 1, "jetty_speed_enabled": 1,
            "requests_per_minute": 1, "max_file_mb": 1, "max_objects": 1, "max_open_uploads": 1, "updated_at": 0
        }))
        .unwrap()
    }

    fn namespace(name: &str, role: Option<Role>) -> Namespace {
        Namespace { role, ..Namespace::example(name) }
    }

    #[test]
    fn account_manages_its_own_namespace_whatever_its_row_says() {
        for (name, stored, expected) in [
            ("jt_user_u1", Some(Role::Member), Role::Manager),
            ("jt_user_u1", None, Role::Manager),
            ("jt_user_u11", Some(Role::Member), Role::Member),
            ("jt_user_u", Some(Role::Member), Role::Member),
            ("jt_customer_u1", Some(Role::Member), Role::Member),
            ("jt_customer_u1", Some(Role::Manager), Role::Manager),
            ("jt_customer_u1", None, Role::Member),
        ] {
            assert_eq!(role(&account(), &namespace(name, stored)), expected, "{name} {stored:?}");
        }
    }

    #[test]
    fn member_changes_own_and_new_things_and_manager_all() {
        let [me, other] = [1, 2].map(|n| Id::from_random([n; 16]));
        for (role, owner, expected) in [
            (Role::Member, None, Ok(())),
            (Role::Member, Some(me), Ok(())),
            (Role::Member, Some(other), Err(Problem::ManagerOnly)),
            (Role::Manager, None, Ok(())),
            (Role::Manager, Some(me), Ok(())),
            (Role::Manager, Some(other), Ok(())),
        ] {
            assert_eq!(may_change(role, me, owner), expected, "{role:?} {owner:?}");
        }
    }

    #[test]
    fn operator_and_managers_configure_a_namespace_and_nobody_else() {
        let shared = |role| namespace("jt_customer_x", role);
        let me = Caller::Account(Rc::new(account()));
        assert_eq!(may_configure(&Caller::Operator, &shared(None)), Ok(()));
        assert_eq!(may_configure(&me, &shared(Some(Role::Manager))), Ok(()));
        assert_eq!(may_configure(&me, &namespace("jt_user_u1", Some(Role::Member))), Ok(()));
        assert_eq!(may_configure(&me, &shared(Some(Role::Member))), Err(Problem::ManagerOnly));
        for nobody in [Caller::Nobody, Caller::Webhook(None)] {
            assert_eq!(may_configure(&nobody, &shared(Some(Role::Manager))), Err(Problem::ManagerOnly));
        }
    }
}
