import { isTransient, MOST_ATTEMPTS, retryDelay } from "./plan.js";

/** Waits, or rejects with an AbortError. */
export const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });

/** Waits until the browser has a connection. */
async function connected(signal) {
  while (!navigator.onLine) await pause(1_000, signal);
}

/**
 * Repeats what may succeed later, with growing pauses.
 * @template T
 * @param {AbortSignal} signal
 * @param {() => Promise<T>} act
 * @param {{cure?: (error: any) => Promise<boolean>, most?: number}} [options] `cure` mends what a repeat alone does not, and answers whether it could
 * @returns {Promise<T>}
 */
export async function patiently(signal, act, { cure, most = MOST_ATTEMPTS } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await connected(signal);
      return await act();
    } catch (error) {
      if (error.name === "AbortError" || attempt >= most) throw error;
      if (!isTransient(error) && !(await cure?.(error))) throw error;
      await pause(retryDelay(attempt, error.retryAfter, Math.random()), signal);
    }
  }
}
