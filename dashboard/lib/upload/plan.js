// Decisions about an upload; numbers in, numbers out.

/** Bytes. A file up to this size goes in one request: a session would take three. */
export const WHOLE_BYTES = 10_000_000;
// Bytes: the chunks of a smaller and a larger file, the same as the command jetty asks for, so that both find each other's chunks. A repeat costs that much at the most.
const SMALL_CHUNK = 10_000_000;
const LARGE_CHUNK = 12_000_000;
const LARGE_FILE = 100_000_000;
/** Parts that an upload has at the most. */
const MOST_PARTS = 10_000;
/** Bytes. Up to this size all chunks are hashed before the start, so that those that are stored already need not be sent. */
export const HASH_FIRST_BYTES = 2_000_000_000;
/** Bytes. Up to this size the whole file is hashed, too, which has to be in memory for it. */
export const HASH_WHOLE_BYTES = 200_000_000;

/**
 * The chunk size to ask for.
 * @param {number} size bytes of the file
 * @returns {number | null} null: the service's plan, as ours would make too many parts
 */
export function askedChunk(size) {
  if (size < LARGE_FILE) return SMALL_CHUNK;
  return size <= LARGE_CHUNK * MOST_PARTS ? LARGE_CHUNK : null;
}

/** How many parts a file has. */
export const partCount = (size, chunk) => Math.max(1, Math.ceil(size / chunk));

/** @returns {[number, number]} first byte of a part, and the one behind its last */
export const partRange = (part, chunk, size) => [(part - 1) * chunk, Math.min(size, part * chunk)];

/** The bytes of some parts. */
export const bytesOf = (parts, chunk, size) => parts.reduce((sum, part) => {
  const [from, to] = partRange(part, chunk, size);
  return sum + to - from;
}, 0);

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** Attempts at one part before the upload stops and waits for a person. */
export const MOST_ATTEMPTS = 8;

/**
 * Milliseconds to wait before the next attempt: twice as long each time, and never less than the service asks for.
 * @param {number} attempt that has failed, from 1
 * @param {number | null} retryAfter seconds
 * @param {number} chance 0 to 1, so that many parts do not come back at once
 */
export function retryDelay(attempt, retryAfter, chance) {
  const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.max((retryAfter ?? 0) * 1000, backoff * (0.5 + chance / 2));
}

/** Whether the same request may succeed later. */
export const isTransient = ({ status, code }) => status === 0 || status === 408 || status === 429 || status >= 500 || code === "completion-running" || code === "request-running";

/**
 * Which parts have to be sent: those that are missing, and those whose recorded hash is not the file's.
 * @param {{missing: number[], completed: {partNumber: number, sha256: string | null}[]}} state of GET /api/jetty/cache-chunk
 * @param {Map<number, string>} hashes of the file's parts, as far as they are known
 * @returns {number[]} ascending
 */
export function partsToSend({ missing, completed }, hashes) {
  const differ = completed.filter(({ partNumber, sha256 }) => hashes.has(partNumber) && sha256 !== hashes.get(partNumber)).map(({ partNumber }) => partNumber);
  return [...new Set([...missing, ...differ])].sort((a, b) => a - b);
}

/** Whether a file can be the one whose upload is to go on. A file that was changed has another time. */
export const isSameFile = (file, { name, size, lastModified }) => file.name === name && file.size === size && (lastModified == null || file.lastModified === lastModified);
