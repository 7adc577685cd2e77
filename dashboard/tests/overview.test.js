import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOf, isQuiet, peakOf } from "../pages/overview/figures.js";

const totals = (changes) => ({
  hit_rate: 80,
  total_requests: 100,
  bytes_from_cache: 800,
  bytes_from_origin: 200,
  p50_latency_ms: 10,
  p95_latency_ms: 100,
  cost_saved_usd: 2,
  uploads: { started: 1, completed: 1, failed: 0 },
  dedup: { bytes_saved: 5 },
  ...changes,
});

test("figures carry their trend against the period before", () => {
  const figures = figuresOf(totals({ previous: totals({ hit_rate: 75, total_requests: 50, p95_latency_ms: 200 }) }));
  const of = (key) => figures.find((figure) => figure.key === key);
  assert.deepEqual(of("hitRate").trend, { change: 5, by: "points" });
  assert.deepEqual(of("requests").trend, { change: 100, by: "ratio" });
  assert.deepEqual(of("p95").trend, { change: -50, by: "ratio" });
});

test("the hit rate of no requests is unknown, and so is its trend", () => {
  const [hitRate] = figuresOf(totals({ total_requests: 0, hit_rate: 0, previous: totals({}) }));
  assert.equal(hitRate.value, null);
  assert.equal(hitRate.trend, null);
});

test("the peak of a series is the first of the highest; there is none of nothing", () => {
  assert.deepEqual(peakOf([1, null, 4, 4]), { index: 2, most: 4, total: 9 });
  assert.equal(peakOf([0, null]), null);
});

test("a period is quiet without requests and uploads", () => {
  const nothing = { total_requests: 0, uploads: { started: 0, completed: 0, failed: 0 } };
  assert.equal(isQuiet(nothing), true);
  assert.equal(isQuiet({ ...nothing, uploads: { started: 0, completed: 0, failed: 1 } }), false);
});
