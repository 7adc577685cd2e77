/** The path of an account, for an operator. */
export const accountPath = (account) => `/api/portal/accounts/${encodeURIComponent(account.agentcache_user_id)}`;
