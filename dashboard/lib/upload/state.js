// One file on its way, as components see it.
import { createStore } from "../store.js";
import { rateOf, sampled, secondsLeft } from "./speed.js";

let last = 0;

/**
 * @typedef {object} TransferState
 * @property {"waiting" | "hashing" | "sending" | "paused" | "needs-file" | "completing" | "done" | "failed" | "cancelled"} phase
 * @property {number} hashed bytes
 * @property {number} sent bytes that are at the service, those in flight included
 * @property {number | null} rate bytes per second
 * @property {number | null} left seconds
 * @property {{chunk: number, count: number, stored: Map<number, string>, flying: Set<number>} | null} parts `stored`: the edge of each part that is there
 * @property {any} error
 * @property {object | null} asset
 * @property {boolean} duplicate nothing had to be sent
 */

/** @param {{name: string, size: number, account: string, file?: File, handle?: FileSystemFileHandle, session?: string, lastModified?: number}} about */
export function createTransfer(about) {
  return {
    id: ++last,
    name: about.name,
    size: about.size,
    account: about.account,
    session: about.session ?? null,
    lastModified: about.lastModified ?? about.file?.lastModified ?? null,
    file: about.file ?? null,
    handle: about.handle ?? null,
    state: createStore({ phase: about.file ? "waiting" : "needs-file", hashed: 0, sent: 0, rate: null, left: null, parts: null, error: null, asset: null, duplicate: false }),
    samples: [],
    hashes: new Map(),
    fileHash: null,
    chunkHashes: null,
    token: null,
    chunk: null,
    // Another namespace has these bytes and wants a proof of them: they are sent instead.
    sendAnyway: false,
    stop: new AbortController(),
  };
}

/** Changes some of the state. */
export const change = (transfer, changes) => transfer.state.set((state) => ({ ...state, ...changes }));

/** Tells how many bytes are there, and how fast they come. */
export function progressed(transfer, sent) {
  transfer.samples = sampled(transfer.samples, performance.now(), sent);
  const rate = rateOf(transfer.samples);
  change(transfer, { sent, rate, left: secondsLeft(transfer.size - sent, rate) });
}
