// What a month will have come to if it goes on as it has begun.

const HOUR = 3_600_000;
/** Before this much of a month is over nothing is said about the rest of it: one upload would be multiplied by hundreds. */
export const EARLIEST_MS = 24 * HOUR;

/**
 * How much of a month is over.
 * @param {string} start the month's first instant, RFC 3339
 * @param {string} end the instant in which the next one begins
 * @param {number} now ms since the epoch
 * @returns {{elapsed: number, whole: number, left: number}} ms
 */
export function monthProgress(start, end, now) {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const elapsed = Math.min(to - from, Math.max(0, now - from));
  return { elapsed, whole: to - from, left: to - from - elapsed };
}

/** What adds up over a month (bytes sent, requests), carried on at the pace so far. Null while it is too early to tell. */
export function atThisPace(soFar, { elapsed, whole }) {
  return elapsed < EARLIEST_MS ? null : (soFar * whole) / elapsed;
}

/** GB-months: those so far, and what is stored now kept until the month's end. */
export function storageMonths(gbMonths, storedBytes, { left, whole }) {
  return gbMonths + ((storedBytes / 1e9) * left) / whole;
}

/**
 * The instant in which what adds up reaches its limit at this pace, if that is within the month.
 * @returns {number | null} ms since the epoch
 */
export function reachesLimitAt(soFar, limit, { elapsed, left }, now) {
  if (elapsed < EARLIEST_MS || soFar <= 0) return null;
  const wait = ((limit - soFar) * elapsed) / soFar;
  return wait > 0 && wait <= left ? now + wait : null;
}

/**
 * The forecast of a statement to its month's end.
 * @param {object} statement the answer of `GET /api/agentcache/statement` for a month that is not over
 * @param {number} now ms since the epoch
 * @returns {{bandwidth_bytes: number|null, origin_bytes: number|null, request_count: number|null, storage_gb_months: number, storage_cost: number|null,
 *   bandwidth_cost: number|null, total_cost: number|null}} null where it is too early to tell
 */
export function forecast(statement, now) {
  const month = monthProgress(statement.period_start, statement.period_end, now);
  const pace = (name) => atThisPace(statement[name], month);
  const months = storageMonths(statement.storage_gb_months, statement.storage_bytes, month);
  // The price of a GB-month is in no answer: it follows from the cost so far, if there is any.
  const priceless = months === 0 ? 0 : null;
  const storageCost = statement.storage_gb_months > 0 ? (statement.storage_cost * months) / statement.storage_gb_months : priceless;
  const bandwidthCost = pace("bandwidth_cost");
  return {
    bandwidth_bytes: pace("bandwidth_bytes"),
    origin_bytes: pace("origin_bytes"),
    request_count: pace("request_count"),
    storage_gb_months: months,
    storage_cost: storageCost,
    bandwidth_cost: bandwidthCost,
    total_cost: storageCost === null || bandwidthCost === null ? null : storageCost + bandwidthCost,
  };
}

/**
 * The months that a statement can be asked for, newest first.
 * @param {number} now ms since the epoch
 * @param {number} count how many
 * @returns {string[]} `YYYY-MM`, UTC
 */
export function months(now, count) {
  const date = new Date(now);
  const first = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return Array.from({ length: count }, (_, back) => {
    const month = first - back;
    return `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}`;
  });
}
