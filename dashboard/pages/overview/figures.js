// What the overview computes from the analytics' answer.
import { trendOf } from "../../lib/trend.js";

/**
 * The figures at the top: [text key, value, how it is written, trend, which direction is welcome].
 * @param {object} now the answer of GET /api/portal/analytics
 */
export function figuresOf(now) {
  const before = now.previous ?? {};
  // A rate of nothing is no rate: the API answers 0.
  const rate = (of) => (of.total_requests > 0 ? of.hit_rate : null);
  const trend = (read, by) => trendOf(read(now), read(before), by);
  return [
    { key: "hitRate", value: rate(now), as: "percent", trend: trendOf(rate(now), rate(before), "points"), better: "up" },
    { key: "requests", value: now.total_requests, as: "count", trend: trend((of) => of.total_requests), better: "none" },
    { key: "fromCache", value: now.bytes_from_cache, as: "bytes", trend: trend((of) => of.bytes_from_cache), better: "up" },
    { key: "fromStore", value: now.bytes_from_origin, as: "bytes", trend: trend((of) => of.bytes_from_origin), better: "down" },
    { key: "p50", value: now.p50_latency_ms, as: "latency", trend: trend((of) => of.p50_latency_ms), better: "down" },
    { key: "p95", value: now.p95_latency_ms, as: "latency", trend: trend((of) => of.p95_latency_ms), better: "down" },
    { key: "saved", value: now.cost_saved_usd, as: "money", trend: trend((of) => of.cost_saved_usd), better: "up" },
    { key: "dedup", value: now.dedup.bytes_saved, as: "bytes", trend: trend((of) => of.dedup?.bytes_saved), better: "up" },
  ];
}

/**
 * Where a series is highest.
 * @param {(number | null)[]} values
 * @returns {{index: number, most: number, total: number} | null} null if there is nothing above 0
 */
export function peakOf(values) {
  let index = -1;
  let total = 0;
  values.forEach((value, at) => {
    total += value ?? 0;
    if (value > 0 && (index < 0 || value > values[index])) index = at;
  });
  return index < 0 ? null : { index, most: values[index], total };
}

/** Whether anything happened in the period. */
export const isQuiet = (now) => now.total_requests === 0 && now.uploads.started === 0 && now.uploads.completed === 0 && now.uploads.failed === 0;
