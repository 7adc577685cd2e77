import assert from "node:assert/strict";
import { test } from "node:test";
import { askedChunk, bytesOf, isSameFile, isTransient, partCount, partRange, partsToSend, retryDelay } from "../lib/upload/plan.js";
import { rateOf, sampled, secondsLeft } from "../lib/upload/speed.js";

test("chunks of 10 MB are asked for below 100 MB, then of 12 MB as long as 10,000 of them hold the file", () => {
  assert.equal(askedChunk(60_000_000), 10_000_000);
  assert.equal(askedChunk(100_000_000), 12_000_000);
  assert.equal(askedChunk(120_000_000_000), 12_000_000);
  assert.equal(askedChunk(120_000_000_001), null);
});

test("the parts of a file cover it without gaps, and the last is shorter", () => {
  const [size, chunk] = [25_000_000, 10_000_000];
  const ranges = Array.from({ length: partCount(size, chunk) }, (_, index) => partRange(index + 1, chunk, size));
  assert.deepEqual(ranges, [[0, 10_000_000], [10_000_000, 20_000_000], [20_000_000, 25_000_000]]);
  assert.equal(partCount(20_000_000, chunk), 2);
  assert.equal(bytesOf([1, 3], chunk, size), 15_000_000);
});

test("a part is sent if it is missing or recorded with another hash; an unknown hash of ours changes nothing", () => {
  const state = { missing: [4], completed: [{ partNumber: 1, sha256: "a" }, { partNumber: 2, sha256: "b" }, { partNumber: 3, sha256: null }] };
  assert.deepEqual(partsToSend(state, new Map([[1, "a"], [2, "x"], [3, "c"]])), [2, 3, 4]);
  assert.deepEqual(partsToSend(state, new Map()), [4]);
});

test("pauses double up to 30 s and are never shorter than what the service asks for", () => {
  assert.equal(retryDelay(1, null, 1), 500);
  assert.equal(retryDelay(3, null, 0), 1_000);
  assert.equal(retryDelay(20, null, 1), 30_000);
  assert.equal(retryDelay(1, 7, 0), 7_000);
});

test("what the network, the pace or the store refused may succeed later; what was wrong may not", () => {
  for (const error of [{ status: 0 }, { status: 408 }, { status: 429 }, { status: 503 }, { status: 409, code: "completion-running" }]) assert.equal(isTransient(error), true);
  for (const error of [{ status: 410, code: "upload-closed" }, { status: 422 }, { status: 403 }, { status: 409, code: "parts-differ" }]) assert.equal(isTransient(error), false);
});

test("a file is the same by name, size and time of its last change", () => {
  const about = { name: "a", size: 3, lastModified: 5 };
  assert.equal(isSameFile({ name: "a", size: 3, lastModified: 5 }, about), true);
  assert.equal(isSameFile({ name: "a", size: 3, lastModified: 6 }, about), false);
  assert.equal(isSameFile({ name: "a", size: 3, lastModified: 6 }, { ...about, lastModified: null }), true);
  assert.equal(isSameFile({ name: "b", size: 3, lastModified: 5 }, about), false);
});

test("the rate is that of the last five seconds", () => {
  let samples = [];
  for (const [at, bytes] of [[0, 0], [1_000, 100], [6_000, 5_100]]) samples = sampled(samples, at, bytes);
  assert.deepEqual(samples.map(({ at }) => at), [1_000, 6_000]);
  assert.equal(rateOf(samples), 1_000);
  assert.equal(rateOf([{ at: 0, bytes: 0 }]), null);
});

test("the time that is left is known with a rate only", () => {
  assert.equal(secondsLeft(1_000, 100), 10);
  assert.equal(secondsLeft(1_000, null), null);
  assert.equal(secondsLeft(0, null), 0);
});
