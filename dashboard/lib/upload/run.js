// The steps that bring a file to the service.
import { get, post } from "../api.js";
import { askedChunk, bytesOf, HASH_FIRST_BYTES, HASH_WHOLE_BYTES, partCount, partRange, partsToSend, WHOLE_BYTES } from "./plan.js";
import { hashOf } from "./hashes.js";
import { send } from "./send.js";
import { sendParts } from "./parts.js";
import { patiently } from "./patience.js";
import { forget, remember } from "./remembered.js";
import { change, progressed } from "./state.js";

/** Brings the file to the service, from wherever it stands. Resolves when it ended, was paused or failed; never rejects. */
export async function run(transfer) {
  transfer.stop = new AbortController();
  transfer.samples = [];
  try {
    change(transfer, { error: null });
    const asset = transfer.session === null && transfer.size <= WHOLE_BYTES ? await sendWhole(transfer) : await sendInParts(transfer);
    if (transfer.session) await forget(transfer.session);
    change(transfer, { phase: "done", sent: transfer.size, asset, rate: null, left: 0 });
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.code === "upload-closed" && transfer.session) await forget(transfer.session);
    change(transfer, { phase: "failed", error, rate: null, left: null });
  }
}

async function sendWhole(transfer) {
  const { file, stop } = transfer;
  change(transfer, { phase: "hashing" });
  const hash = await hashOf(file);
  stop.signal.throwIfAborted();
  change(transfer, { phase: "sending", hashed: transfer.size });
  const headers = { "x-file-name": encodeURIComponent(file.name), "content-type": file.type || "application/octet-stream", "x-content-sha256": hash };
  const { asset } = await patiently(stop.signal, () => send("POST", "/api/storage/upload", file, { headers, signal: stop.signal, onProgress: (bytes) => progressed(transfer, Math.min(bytes, transfer.size)) }));
  return asset;
}

async function sendInParts(transfer) {
  const { stop } = transfer;
  if (transfer.session === null) {
    const there = await begin(transfer);
    if (there) return there;
  } else {
    await continueSession(transfer);
  }
  stop.signal.throwIfAborted();
  change(transfer, { phase: "sending" });
  await sendParts(transfer);
  change(transfer, { phase: "completing" });
  return complete(transfer);
}

/** Starts a session. @returns {Promise<object | null>} the asset if nothing has to be sent */
async function begin(transfer) {
  const { file, size, stop } = transfer;
  const first = size <= HASH_FIRST_BYTES ? askedChunk(size) : null;
  if (first) await hashAll(transfer, first);
  const ask = (chunk) => ({
    action: "start",
    fileName: file.name,
    fileSize: size,
    contentType: file.type || undefined,
    chunkSize: chunk ?? undefined,
    chunkHashes: first ? transfer.chunkHashes : undefined,
    fileHash: transfer.fileHash ?? undefined,
  });
  const start = (chunk) => patiently(stop.signal, () => post("/api/jetty/track-upload", ask(chunk), { signal: stop.signal }));
  let answer;
  try {
    answer = await start(first ?? askedChunk(size));
  } catch (error) {
    // The namespace has smaller chunks than ours.
    const planned = error.code === "plan-mismatch" && error.problem.strategy?.chunkSize;
    if (!planned) throw error;
    if (first) await hashAll(transfer, planned);
    answer = await start(planned);
  }
  if (answer.duplicate) {
    change(transfer, { duplicate: true });
    return answer.asset;
  }
  if (answer.challenge) {
    transfer.sendAnyway = true;
    return begin(transfer);
  }
  const { chunkSize, chunkCount } = answer.strategy;
  const missing = new Set(answer.missingParts);
  const stored = new Map();
  for (let part = 1; part <= chunkCount; part += 1) if (!missing.has(part)) stored.set(part, "copy");
  transfer.session = answer.sessionId;
  transfer.token = answer.uploadToken;
  adopt(transfer, chunkSize, chunkCount, stored);
  const { session, account, name, lastModified, handle } = transfer;
  await remember({ session, account, name, size, lastModified, handle });
  return null;
}

/**
 * Shows how far an upload is that was begun before a reload.
 * @returns {Promise<boolean>} false: it has ended
 */
export async function lookUp(transfer) {
  try {
    const { status, chunkSize, chunkCount, completed } = await get("/api/jetty/cache-chunk", { sessionId: transfer.session });
    if (status !== "uploading" && status !== "completing") return false;
    adopt(transfer, chunkSize, chunkCount, new Map(completed.map(({ partNumber, edge }) => [partNumber, edge])));
    return true;
  } catch (error) {
    // Without an answer nobody knows; it is asked again when the upload goes on.
    return error.code !== "not-found" && error.code !== "upload-closed";
  }
}

/** Finds out what is there of a session, and whether it is the same file. */
async function continueSession(transfer) {
  const { stop, session } = transfer;
  const state = await patiently(stop.signal, () => get("/api/jetty/cache-chunk", { sessionId: session }, { signal: stop.signal }));
  transfer.token = state.uploadToken;
  if (transfer.chunk !== state.chunkSize || transfer.hashes.size === 0) {
    transfer.hashes.clear();
    const known = state.completed.filter(({ sha256 }) => sha256).map(({ partNumber }) => partNumber);
    await hashParts(transfer, state.chunkSize, known);
  }
  const rest = new Set(partsToSend(state, transfer.hashes));
  const stored = new Map(state.completed.filter(({ partNumber }) => !rest.has(partNumber)).map(({ partNumber, edge }) => [partNumber, edge]));
  adopt(transfer, state.chunkSize, state.chunkCount, stored);
}

function adopt(transfer, chunk, count, stored) {
  transfer.chunk = chunk;
  change(transfer, { parts: { chunk, count, stored, flying: new Set() } });
  transfer.samples = [];
  progressed(transfer, bytesOf([...stored.keys()], chunk, transfer.size));
}

async function hashAll(transfer, chunk) {
  const all = Array.from({ length: partCount(transfer.size, chunk) }, (_, index) => index + 1);
  transfer.hashes.clear();
  await hashParts(transfer, chunk, all);
  transfer.chunkHashes = all.map((part) => transfer.hashes.get(part));
  transfer.fileHash = transfer.size <= HASH_WHOLE_BYTES && !transfer.sendAnyway ? await hashOf(transfer.file) : null;
  transfer.stop.signal.throwIfAborted();
}

async function hashParts(transfer, chunk, parts) {
  const { file, size, stop } = transfer;
  change(transfer, { phase: "hashing", hashed: 0 });
  const queue = [...parts];
  const lane = async () => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
      stop.signal.throwIfAborted();
      const [from, to] = partRange(part, chunk, size);
      transfer.hashes.set(part, await hashOf(file.slice(from, to)));
      change(transfer, { hashed: transfer.state.get().hashed + to - from });
    }
  };
  await Promise.all([lane(), lane()]);
}

async function complete(transfer) {
  const { session, stop, hashes } = transfer;
  const { count } = transfer.state.get().parts;
  const all = Array.from({ length: count }, (_, index) => hashes.get(index + 1));
  const chunkHashes = all.every(Boolean) ? all : undefined;
  const answer = await patiently(stop.signal, () => post("/api/jetty/track-upload", { action: "complete", sessionId: session, chunkHashes }, { signal: stop.signal }));
  return answer.asset;
}
