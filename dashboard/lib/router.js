// Pages are hashes, `#/files?search=a`, so that one file serves them all and the server never sees them.
import { createStore } from "./store.js";

/**
 * @param {string} hash of the location
 * @returns {{page: string, rest: string[], query: Record<string, string>}} `rest` are the segments after the page's id
 */
export function parseHash(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/").filter(Boolean).map(decoded);
  return { page, rest, query: Object.fromEntries(new URLSearchParams(search)) };
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * The hash of a page. Values that are empty, null or undefined are left out of the query.
 * @param {string} page its id, or a path of segments
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function href(page, query = {}) {
  const path = (Array.isArray(page) ? page : [page]).map(encodeURIComponent).join("/");
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null)).toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}

export const route = createStore(parseHash(typeof location === "undefined" ? "" : location.hash));

/** Goes to a page. With `replace` the one before is not kept in the history. */
export function navigate(page, query, { replace = false } = {}) {
  const hash = href(page, query);
  if (!replace) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, "", hash);
  route.set(parseHash(hash));
}

/** Changes the query of the page that is shown, without another entry in the history. */
export function setQuery(changes) {
  const { page, rest, query } = route.get();
  navigate([page, ...rest], { ...query, ...changes }, { replace: true });
}

export function startRouter() {
  addEventListener("hashchange", () => route.set(parseHash(location.hash)));
}
