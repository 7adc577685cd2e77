// SHA-256 in workers. A slice is read and hashed there, so the page stays responsive.
const MOST_WORKERS = 2;

let workers = null;
let turn = 0;
let last = 0;
const waiting = new Map();

function start() {
  const worker = new Worker("/dashboard/hashes.js");
  worker.onmessage = ({ data: { id, hash, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (hash) resolve(hash);
    else reject(Object.assign(new Error(error), { code: "file-unreadable", status: 400 }));
  };
  return worker;
}

/**
 * The SHA-256 of a blob in hex.
 * @param {Blob} blob
 * @returns {Promise<string>} rejects with code `file-unreadable` if the file was changed or taken away
 */
export function hashOf(blob) {
  workers ??= Array.from({ length: MOST_WORKERS }, start);
  const id = ++last;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    workers[turn++ % workers.length].postMessage({ id, blob });
  });
}
