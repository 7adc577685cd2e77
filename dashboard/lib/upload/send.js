import { ApiError, retrySeconds } from "../api.js";

// Browsers open six connections to a host over HTTP/1.1; the page needs some itself.
const MOST_AT_ONCE = 4;
let sending = 0;
const waiting = [];

const enter = () => (sending < MOST_AT_ONCE ? Promise.resolve(void (sending += 1)) : new Promise((resolve) => waiting.push(resolve)));
function leave() {
  const next = waiting.shift();
  if (next) next();
  else sending -= 1;
}

/**
 * Sends a body and tells how much of it has left. fetch can not tell that.
 * @param {string} method
 * @param {string} path
 * @param {Blob} body
 * @param {{headers: Record<string, string>, signal: AbortSignal, onProgress: (bytes: number) => void}} options
 * @returns {Promise<any>} the answer's JSON
 * @throws {ApiError}; an AbortError if `signal` says so
 */
export async function send(method, path, body, options) {
  await enter();
  try {
    return await request(method, path, body, options);
  } finally {
    leave();
  }
}

function request(method, path, body, { headers, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(new DOMException("given up", "AbortError"));
    if (signal.aborted) {
      aborted();
      return;
    }
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    signal.addEventListener("abort", stop, { once: true });
    xhr.open(method, path);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => onProgress(event.loaded);
    xhr.onabort = aborted;
    xhr.onerror = () => reject(new ApiError(0));
    xhr.onload = () => {
      const answer = parsed(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && answer) resolve(answer);
      else reject(new ApiError(xhr.status, { ...answer, retryAfter: answer?.retryAfter ?? retrySeconds(xhr.getResponseHeader("retry-after")) }));
    };
    xhr.onloadend = () => signal.removeEventListener("abort", stop);
    xhr.send(body);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
