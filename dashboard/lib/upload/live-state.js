// What the live feed adds to the list of open uploads.
import { rateOf, sampled, secondsLeft } from "./speed.js";

/**
 * The uploads by session after a message.
 * @param {Map<string, {bytes: number, size: number, parts: number, samples: object[], rate: number | null, left: number | null, ended: string | null}>} known
 * @param {{type: string, upload?: {session: string | null, bytes: number, size: number, parts: number}}} message
 * @param {number} now milliseconds
 */
export function applied(known, { type, upload }, now) {
  if (!upload?.session) return known;
  const before = known.get(upload.session);
  const ended = type === "upload.completed" ? "complete" : type === "upload.failed" ? "failed" : null;
  // Messages that tell an end may come twice, and a late one about progress changes nothing.
  if (before?.ended) return known;
  const samples = sampled(before?.samples ?? [], now, upload.bytes);
  const rate = ended ? null : (rateOf(samples) ?? before?.rate ?? null);
  const next = { bytes: upload.bytes, size: upload.size, parts: upload.parts, samples, rate, left: ended ? 0 : secondsLeft(upload.size - upload.bytes, rate), ended };
  return new Map(known).set(upload.session, next);
}
