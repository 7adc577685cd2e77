import { get } from "../api.js";
import { hashOf } from "./hashes.js";
import { patiently } from "./patience.js";
import { bytesOf, partRange } from "./plan.js";
import { send } from "./send.js";
import { change, progressed } from "./state.js";

// Parts share the connection: with more of them in flight none would be there for long, and a reload would lose more.
const LANES = 3;

/** Sends the parts of a transfer that are not there yet. */
export async function sendParts(transfer) {
  const { chunk, size } = transfer;
  const { count, stored } = transfer.state.get().parts;
  const queue = [];
  for (let part = 1; part <= count; part += 1) if (!stored.has(part)) queue.push(part);
  const flying = new Map();
  const tell = () => {
    const now = [...flying.values()].reduce((sum, bytes) => sum + bytes, 0);
    progressed(transfer, Math.min(size, bytesOf([...transfer.state.get().parts.stored.keys()], chunk, size) + now));
  };
  const lane = async () => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
      flying.set(part, 0);
      mark(transfer, part, true);
      try {
        const answer = await sendPart(transfer, part, (bytes) => {
          const [from, to] = partRange(part, chunk, size);
          flying.set(part, Math.min(bytes, to - from));
          tell();
        });
        flying.delete(part);
        arrived(transfer, part, answer.edge);
        tell();
      } finally {
        flying.delete(part);
        mark(transfer, part, false);
      }
    }
  };
  await allOrNone(transfer, Array.from({ length: Math.min(LANES, queue.length) }, lane));
}

/** One lane that fails ends the others: a transfer that has failed sends nothing more. */
async function allOrNone(transfer, lanes) {
  try {
    await Promise.all(lanes);
  } catch (error) {
    transfer.stop.abort();
    await Promise.allSettled(lanes);
    throw error;
  }
}

const withParts = (transfer, act) => {
  const { parts } = transfer.state.get();
  const next = { ...parts, stored: new Map(parts.stored), flying: new Set(parts.flying) };
  act(next);
  change(transfer, { parts: next });
};
const arrived = (transfer, part, edge) => withParts(transfer, ({ stored }) => stored.set(part, edge));
const mark = (transfer, part, on) => withParts(transfer, ({ flying }) => (on ? flying.add(part) : flying.delete(part)));

async function sendPart(transfer, part, onProgress) {
  const { file, chunk, size, session, stop, hashes } = transfer;
  const [from, to] = partRange(part, chunk, size);
  const body = file.slice(from, to);
  if (!hashes.has(part)) hashes.set(part, await hashOf(body));
  const attempt = () =>
    send("PUT", `/api/jetty-speed/${session}/${part}`, body, {
      headers: { "x-upload-token": transfer.token, "x-chunk-sha256": hashes.get(part), "content-type": "application/octet-stream" },
      signal: stop.signal,
      onProgress,
    });
  const cure = async (error) => {
    onProgress(0);
    if (error.code !== "token-expired" && error.code !== "token-revoked") return false;
    transfer.token = (await get("/api/jetty/cache-chunk", { sessionId: session }, { signal: stop.signal })).uploadToken;
    return true;
  };
  return patiently(stop.signal, attempt, { cure });
}
