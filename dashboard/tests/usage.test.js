import assert from "node:assert/strict";
import test from "node:test";
import { atThisPace, forecast, monthProgress, months, reachesLimitAt, storageMonths } from "../lib/forecast.js";
import { quotaBars, quotaState } from "../lib/quota.js";

const DAY = 86_400_000;
const START = "2026-11-01T00:00:00.000Z";
const END = "2026-12-01T00:00:00.000Z";
const after = (days) => Date.parse(START) + days * DAY;

test("quota is ok below 80 %, a warning from there on and full from 100 %", () => {
  assert.equal(quotaState(0, 10), "ok");
  assert.equal(quotaState(7.99, 10), "ok");
  assert.equal(quotaState(8, 10), "warning");
  assert.equal(quotaState(9.99, 10), "warning");
  assert.equal(quotaState(10, 10), "full");
  assert.equal(quotaState(11, 10), "full");
  assert.equal(quotaState(1, 0), "full");
  assert.equal(quotaState(0, 0), "none");
});

test("bars count what is reserved against the limit", () => {
  const bars = quotaBars({
    storage_used_bytes: 70, storage_reserved_bytes: 10, storage_quota_bytes: 100, bandwidth_used_bytes: 1, bandwidth_reserved_bytes: 0, bandwidth_quota_bytes: 10,
    objects_used: 3, objects_reserved: 7, max_objects: 10, open_uploads: 0, max_open_uploads: 5,
  });
  assert.deepEqual(bars.map(({ name, state }) => [name, state]), [["storage", "warning"], ["bandwidth", "ok"], ["objects", "full"], ["uploads", "ok"]]);
});

test("pace of a third of the month is three times as much at its end, and nothing is said on the first day", () => {
  assert.equal(atThisPace(100, monthProgress(START, END, after(10))), 300);
  assert.equal(atThisPace(100, monthProgress(START, END, after(0.9))), null);
  assert.equal(atThisPace(0, monthProgress(START, END, after(10))), 0);
});

test("progress of a month that is over, or has not begun, stays within it", () => {
  assert.deepEqual(monthProgress(START, END, after(90)), { elapsed: 30 * DAY, whole: 30 * DAY, left: 0 });
  assert.deepEqual(monthProgress(START, END, after(-5)), { elapsed: 0, whole: 30 * DAY, left: 30 * DAY });
});

test("GB-months are those so far and what is stored kept to the end", () => {
  assert.equal(storageMonths(1, 3e9, monthProgress(START, END, after(15))), 2.5);
});

test("limit is told with its day only if this pace reaches it within the month", () => {
  const month = monthProgress(START, END, after(10));
  assert.equal(reachesLimitAt(50, 100, month, after(10)), after(20));
  assert.equal(reachesLimitAt(10, 100, month, after(10)), null);
  assert.equal(reachesLimitAt(100, 100, month, after(10)), null);
  assert.equal(reachesLimitAt(0, 100, month, after(10)), null);
  assert.equal(reachesLimitAt(50, 100, monthProgress(START, END, after(0.5)), after(0.5)), null);
});

test("forecast of a statement carries traffic on and keeps what is stored", () => {
  const statement = {
    period_start: START, period_end: END, storage_bytes: 3e9, storage_gb_months: 1, bandwidth_bytes: 100, origin_bytes: 10, request_count: 7, storage_cost: 0.01,
    bandwidth_cost: 0.02, total_cost: 0.03,
  };
  const found = forecast(statement, after(15));
  assert.deepEqual(
    [found.bandwidth_bytes, found.origin_bytes, found.request_count, found.storage_gb_months, found.storage_cost, found.bandwidth_cost, found.total_cost],
    [200, 20, 14, 2.5, 0.025, 0.04, 0.065],
  );
  assert.equal(forecast({ ...statement, storage_gb_months: 0, storage_cost: 0 }, after(15)).total_cost, null);
  assert.equal(forecast({ ...statement, storage_gb_months: 0, storage_cost: 0, storage_bytes: 0 }, after(15)).total_cost, 0.04);
  assert.equal(forecast(statement, after(0.2)).total_cost, null);
});

test("months go back over the turn of the year", () => {
  assert.deepEqual(months(Date.parse("2026-02-03T00:00:00Z"), 4), ["2026-02", "2026-01", "2025-12", "2025-11"]);
});
