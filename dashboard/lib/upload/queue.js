// All files on their way from this browser: two at a time, the others wait.
import { post } from "../api.js";
import { session as signedIn, onEnd } from "../session.js";
import { createStore } from "../store.js";
import { isSameFile } from "./plan.js";
import { forget, recall } from "./remembered.js";
import { lookUp, run } from "./run.js";
import { change, createTransfer } from "./state.js";

const AT_ONCE = 2;
const ENDED = ["done", "failed", "cancelled"];
const BUSY = ["hashing", "sending", "completing"];

/** The transfers, in the order in which they were added. */
export const transfers = createStore([]);

const finished = new Set();
/** `listener` is called with the asset whenever a file is there. */
export function onFinished(listener) {
  finished.add(listener);
  return () => finished.delete(listener);
}

const phaseOf = (transfer) => transfer.state.get().phase;
const running = new Set();

function next() {
  for (const transfer of transfers.get()) {
    if (running.size >= AT_ONCE) return;
    if (phaseOf(transfer) === "waiting" && !running.has(transfer)) start(transfer);
  }
}

async function start(transfer) {
  running.add(transfer);
  await run(transfer);
  running.delete(transfer);
  const { phase, asset } = transfer.state.get();
  if (phase === "done") for (const listener of finished) listener(asset);
  next();
}

/**
 * Adds files.
 * @param {{file: File, handle?: FileSystemFileHandle | null}[]} picked
 */
export function addFiles(picked) {
  const account = signedIn.get().agentcache_user_id;
  const added = picked.map(({ file, handle }) => createTransfer({ name: file.name, size: file.size, account, file, handle }));
  transfers.set((all) => [...all, ...added]);
  next();
}

/** Stops sending; what is there stays. */
export function pauseTransfer(transfer) {
  transfer.stop.abort();
  change(transfer, { phase: "paused", rate: null, left: null });
}

/** Goes on with what was paused or has failed. */
export function resumeTransfer(transfer) {
  change(transfer, { phase: transfer.file ? "waiting" : "needs-file", error: null });
  next();
}

/**
 * Goes on after a reload with the file that somebody has picked again.
 * @returns {boolean} false: it is another file
 */
export function giveFile(transfer, file, handle = null) {
  if (!isSameFile(file, transfer)) return false;
  Object.assign(transfer, { file, handle: handle ?? transfer.handle });
  resumeTransfer(transfer);
  return true;
}

/** Goes on with the file that the browser has a handle of. Has to be called by a click, as the browser asks. @returns {Promise<boolean>} */
export async function reopen(transfer) {
  try {
    if ((await transfer.handle.requestPermission({ mode: "read" })) !== "granted") return false;
    return giveFile(transfer, await transfer.handle.getFile());
  } catch {
    // The file was moved or deleted.
    return false;
  }
}

/** Gives an upload up: its parts are deleted. */
export async function cancelTransfer(transfer) {
  transfer.stop.abort();
  if (transfer.session) {
    await post("/api/jetty/track-upload", { action: "fail", sessionId: transfer.session });
    await forget(transfer.session);
  }
  change(transfer, { phase: "cancelled", rate: null, left: null });
  dismissTransfer(transfer);
}

/** Takes a transfer off the list. */
export const dismissTransfer = (transfer) => transfers.set((all) => all.filter((one) => one !== transfer));
export const dismissEnded = () => transfers.set((all) => all.filter((one) => !ENDED.includes(phaseOf(one))));

export const isEnded = (phase) => ENDED.includes(phase);
export const isBusy = (phase) => BUSY.includes(phase);

let recalled = null;
/** Puts uploads that this browser began before a reload on the list, once for each account. */
export async function recallTransfers() {
  const account = signedIn.get()?.agentcache_user_id;
  if (!account || recalled === account) return;
  recalled = account;
  for (const entry of await recall(account)) {
    if (transfers.get().some(({ session }) => session === entry.session)) continue;
    const transfer = createTransfer(entry);
    if (!(await lookUp(transfer))) {
      await forget(entry.session);
      continue;
    }
    transfers.set((all) => [...all, transfer]);
    // Without a question only if the permission still holds.
    if ((await entry.handle?.queryPermission?.({ mode: "read" })) === "granted") await reopen(transfer);
  }
}

/** An upload that another browser or program began: it can go on here with the same file. */
export function adoptSession({ sessionId, fileName, fileSize }) {
  const known = transfers.get().find(({ session }) => session === sessionId);
  if (known) return known;
  const transfer = createTransfer({ session: sessionId, name: fileName, size: fileSize, account: signedIn.get().agentcache_user_id });
  transfers.set((all) => [...all, transfer]);
  return transfer;
}

onEnd(() => {
  for (const transfer of transfers.get()) transfer.stop.abort();
  transfers.set([]);
  recalled = null;
});
