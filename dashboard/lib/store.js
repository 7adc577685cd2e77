import { useEffect, useState } from "preact/hooks";

/**
 * A value that tells its listeners when it changes.
 * @template T
 * @param {T} first
 */
export function createStore(first) {
  let value = first;
  const listeners = new Set();
  return {
    get: () => value,
    /** @param {T | ((value: T) => T)} next */
    set(next) {
      const changed = typeof next === "function" ? next(value) : next;
      if (Object.is(changed, value)) return;
      value = changed;
      for (const listener of [...listeners]) listener(value);
    },
    /** @returns {() => void} ends it */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The store's value; the component is rendered again when it changes. */
export function useStore(store) {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(() => store.get());
    return store.subscribe((next) => setValue(() => next));
  }, [store]);
  return value;
}
