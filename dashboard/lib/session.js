// Who is signed in. The session itself is a cookie that scripts can not read; nothing secret is kept here.
import { call, get, onSignedOut } from "./api.js";
import { createStore } from "./store.js";

/**
 * `undefined` until it is known, null if nobody is signed in, else what `GET /api/portal/session` answers:
 * {id, kind: "account" | "operator", agentcache_user_id, tier, namespace, expires_at}.
 */
export const session = createStore(undefined);
/** Why nobody is signed in any more: `expired`, `left` or null. */
export const ending = createStore(null);
/** The failure of the first look at the session: the service does not answer. */
export const failure = createStore(null);

const listeners = new Set();
/** `listener` is called when a session ends, to forget what belongs to it. */
export const onEnd = (listener) => listeners.add(listener);

function end(reason) {
  if (session.get() === null) return;
  for (const listener of listeners) listener();
  ending.set(reason);
  session.set(null);
}

onSignedOut(() => {
  if (session.get()) end("expired");
});

export const isOperator = () => session.get()?.kind === "operator";

/** Asks who is signed in. */
export async function loadSession() {
  failure.set(null);
  try {
    session.set(await get("/api/portal/session", {}, { quiet: true }));
  } catch (error) {
    if (error.status === 401) session.set(null);
    else failure.set(error);
  }
}

/**
 * Exchanges a proof for a session. The proof goes nowhere else.
 * @param {{key: string, secret: string} | {token: string}} proof
 */
export async function signIn(proof) {
  const headers = proof.token ? { authorization: `Bearer ${proof.token}` } : { authorization: `Bearer ${proof.key}`, "x-api-secret": proof.secret };
  await call("POST", "/api/portal/sessions", { headers, json: {}, quiet: true });
  const who = await get("/api/portal/session", {}, { quiet: true });
  ending.set(null);
  session.set(who);
}

export async function signOut() {
  try {
    await call("DELETE", "/api/portal/sessions/current", { quiet: true });
  } catch (error) {
    // Only a session that is gone already counts as left.
    if (error.status !== 401) throw error;
  }
  end("left");
}
