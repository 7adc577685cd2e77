// Deleting with a way back: the call is made once the time for it is over, or when the page goes.
import { del } from "../api.js";
import { createStore } from "../store.js";
import { onEnd } from "../session.js";

/** Milliseconds in which a deletion can be undone. */
export const UNDO_MS = 8_000;

/** The ids of files that are gone for whoever looks, though not for the service yet. */
export const hidden = createStore(new Set());
const waiting = new Map();

const hide = (id) => hidden.set((ids) => new Set(ids).add(id));
const show = (id) =>
  hidden.set((ids) => {
    const rest = new Set(ids);
    rest.delete(id);
    return rest;
  });

async function carryOut(id, keepalive = false) {
  const entry = waiting.get(id);
  if (!entry) return;
  clearTimeout(entry.timer);
  waiting.delete(id);
  try {
    await del(`/api/storage/files/${id}`, { keepalive });
    entry.done();
  } catch (error) {
    // What is gone already is what was wanted.
    if (error.code === "not-found") {
      entry.done();
      return;
    }
    show(id);
    entry.failed(error);
  }
}

/**
 * Deletes a file in 8 s.
 * @param {{id: string}} file
 * @param {{done: () => void, failed: (error: any) => void}} listener
 * @returns {() => void} undoes it
 */
export function deleteLater({ id }, listener) {
  hide(id);
  waiting.set(id, { ...listener, timer: setTimeout(() => carryOut(id), UNDO_MS) });
  return () => {
    const entry = waiting.get(id);
    if (!entry) return;
    clearTimeout(entry.timer);
    waiting.delete(id);
    show(id);
  };
}

// Not when the page is only hidden: whoever comes back from another tab can still undo. A page that ends without the event deletes nothing.
if (typeof document !== "undefined") addEventListener("pagehide", () => [...waiting.keys()].forEach((id) => carryOut(id, true)));
// Without the session the call could not be made any more; nothing is lost that was not meant to be.
onEnd(() => {
  for (const { timer } of waiting.values()) clearTimeout(timer);
  waiting.clear();
  hidden.set(new Set());
});
