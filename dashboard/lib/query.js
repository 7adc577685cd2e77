// Data of the API in a component, with the states that every page has: loading, error, offline, rate-limited, ready.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.js";
import { onEnd } from "./session.js";

// Answers that were shown before, so that a page one comes back to is there at once; it is asked again meanwhile.
const remembered = new Map();
const MOST_REMEMBERED = 60;
onEnd(() => remembered.clear());

const remember = (key, data) => {
  remembered.delete(key);
  remembered.set(key, data);
  if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value);
};

/** Forgets answers whose path begins with `prefix`: something was changed there. */
export function forget(prefix) {
  for (const key of remembered.keys()) if (key.startsWith(prefix)) remembered.delete(key);
}

/**
 * Asks `path` now, whenever it changes, and every `every` milliseconds while the page is visible.
 * @param {string | null} path null: nothing is asked (and `loading` holds)
 * @param {{every?: number, load?: (signal: AbortSignal) => Promise<unknown>}} [options] `load` replaces GET; then `path` is only the name
 * @returns {{data: any, error: import("./api.js").ApiError | null, loading: boolean, refreshing: boolean, reload: () => void, setData: Function}}
 *   `data` stays while it is asked again; `error` is that of the last time
 */
export function useQuery(path, { every = 0, load } = {}) {
  const [state, setState] = useState(() => ({ path, data: remembered.get(path), error: null, busy: true }));
  const loader = useRef(load);
  loader.current = load;
  const running = useRef(null);

  const reload = useCallback(() => {
    if (path === null) return;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState((before) => ({ ...before, busy: true }));
    const asked = loader.current ? loader.current(controller.signal) : get(path, {}, { signal: controller.signal });
    asked.then(
      (data) => {
        if (controller.signal.aborted) return;
        remember(path, data);
        setState({ path, data, error: null, busy: false });
      },
      (error) => {
        if (controller.signal.aborted) return;
        setState((before) => ({ ...before, path, error, busy: false }));
      },
    );
  }, [path]);

  useEffect(() => {
    setState({ path, data: remembered.get(path), error: null, busy: true });
    reload();
    return () => running.current?.abort();
  }, [path, reload]);

  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), every);
    return () => clearInterval(timer);
  }, [every, reload]);

  useEffect(() => {
    const again = () => reload();
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, [reload]);

  // Between a change of the path and the effect, what belongs to the path before must not be shown.
  const current = state.path === path ? state : { data: remembered.get(path), error: null, busy: true };
  const setData = useCallback((change) => setState((before) => ({ ...before, data: typeof change === "function" ? change(before.data) : change })), []);
  return {
    data: current.data,
    error: current.error,
    loading: current.data === undefined && !current.error,
    refreshing: current.data !== undefined && current.busy,
    reload,
    setData,
  };
}

/**
 * A list that comes in pages, which are joined as more are asked for.
 * @param {string} path with its query, without `cursor`
 * @param {string} member the list's name in the answer
 * @returns {{rows: any[], more: (() => void) | null, loadingMore: boolean} & ReturnType<typeof useQuery>}
 */
export function usePages(path, member, options) {
  const first = useQuery(path, options);
  const [rest, setRest] = useState({ path, rows: [], cursor: undefined, busy: false, error: null });
  const mine = rest.path === path ? rest : { rows: [], cursor: undefined, busy: false, error: null };
  const cursor = mine.cursor === undefined ? first.data?.cursor : mine.cursor;

  const more = useCallback(async () => {
    setRest({ ...mine, path, busy: true, error: null });
    try {
      const page = await get(path + (path.includes("?") ? "&" : "?") + new URLSearchParams({ cursor }));
      setRest({ path, rows: [...mine.rows, ...page[member]], cursor: page.cursor, busy: false, error: null });
    } catch (error) {
      setRest({ ...mine, path, busy: false, error });
    }
  }, [path, member, cursor, mine]);

  const reload = useCallback(() => {
    setRest({ path, rows: [], cursor: undefined, busy: false, error: null });
    first.reload();
  }, [path, first.reload]);

  return {
    ...first,
    rows: first.data ? [...first.data[member], ...mine.rows] : [],
    more: cursor ? more : null,
    loadingMore: mine.busy,
    moreError: mine.error,
    reload,
  };
}

/**
 * An action of a button or form: runs once at a time and keeps its failure.
 * @param {(...args: any[]) => Promise<unknown>} act
 * @returns {{run: (...args: any[]) => Promise<boolean>, busy: boolean, error: any, clear: () => void}} `run` answers whether it succeeded
 */
export function useAction(act) {
  const [state, setState] = useState({ busy: false, error: null });
  const running = useRef(false);
  const run = async (...args) => {
    if (running.current) return false;
    running.current = true;
    setState({ busy: true, error: null });
    try {
      await act(...args);
      setState({ busy: false, error: null });
      return true;
    } catch (error) {
      setState({ busy: false, error });
      return false;
    } finally {
      running.current = false;
    }
  };
  return { run, ...state, clear: () => setState({ busy: false, error: null }) };
}
