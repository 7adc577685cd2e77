// Calls of the public API. The browser sends the session's cookie by itself.

/** What went wrong with a call: the API's problem, or `offline` if there was no answer. */
export class ApiError extends Error {
  /** @param {number} status 0 without an answer */
  constructor(status, problem = {}) {
    super(problem.detail ?? problem.title ?? problem.code ?? `HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? (status === 0 ? "offline" : "internal");
    this.detail = problem.detail ?? null;
    this.field = problem.field ?? null;
    this.requestId = problem.requestId ?? null;
    /** Seconds, or null. */
    this.retryAfter = problem.retryAfter ?? null;
    /** All members of the problem. */
    this.problem = problem;
  }
}

let whenSignedOut = () => {};
/** `listener` is called when the API says that there is no session any more. */
export const onSignedOut = (listener) => (whenSignedOut = listener);

/** @returns {number | null} seconds of a Retry-After, which may be a date. */
export function retrySeconds(value, now = Date.now()) {
  if (!value) return null;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}

async function problemOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A gateway on the way answers with HTML.
  }
  return new ApiError(response.status, {
    ...(problem && typeof problem === "object" ? problem : {}),
    requestId: problem?.requestId ?? response.headers.get("x-request-id"),
    retryAfter: problem?.retryAfter ?? retrySeconds(response.headers.get("retry-after")),
  });
}

/** The path with its query; values that are empty, null or undefined are left out. */
export function withQuery(path, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null)).toString();
  return search ? `${path}?${search}` : path;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [options]
 * @param {object} [options.query]
 * @param {object} [options.json] the body
 * @param {BodyInit} [options.body] instead of `json`
 * @param {Record<string, string>} [options.headers]
 * @param {AbortSignal} [options.signal]
 * @param {boolean} [options.keepalive] the call outlives the page
 * @param {"json" | "response"} [options.as] `response`: the answer itself, whatever its status
 * @param {boolean} [options.quiet] a 401 does not end the session: for sign-in itself
 * @returns the body's JSON; null without one
 * @throws {ApiError}
 */
export async function call(method, path, { query, json, body, headers = {}, signal, keepalive, as = "json", quiet = false } = {}) {
  const init = { method, headers: { accept: "application/json", ...headers }, signal, keepalive, credentials: "same-origin" };
  if (json !== undefined) {
    init.body = JSON.stringify(json);
    init.headers["content-type"] = "application/json";
  } else if (body !== undefined) {
    init.body = body;
  }
  let response;
  try {
    response = await fetch(withQuery(path, query), init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  if (as === "response") return response;
  if (!response.ok) {
    const error = await problemOf(response);
    if (error.status === 401 && error.code === "unauthenticated" && !quiet) whenSignedOut();
    throw error;
  }
  if (response.status === 204) return null;
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, json = {}, options) => call("POST", path, { json, ...options });
export const patch = (path, json, options) => call("PATCH", path, { json, ...options });
export const put = (path, json, options) => call("PUT", path, { json, ...options });
export const del = (path, options) => call("DELETE", path, options);

/**
 * All entries of a list that comes in pages, up to `most`.
 * @param {string} path
 * @param {string} member the list's name in the answer
 */
export async function getAll(path, member, query = {}, { most = 2_000, signal } = {}) {
  const entries = [];
  let cursor;
  do {
    const page = await get(path, { limit: 500, ...query, cursor }, { signal });
    entries.push(...page[member]);
    cursor = page.cursor;
  } while (cursor && entries.length < most);
  return entries;
}
