import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../lib/format.js";
import { language } from "../lib/preferences.js";

const inLanguage = (locale, act) => {
  language.set(locale);
  try {
    return act();
  } finally {
    language.set("en");
  }
};

test("bytes are written in powers of 1,000 with three figures", () => {
  language.set("en");
  assert.deepEqual([0, 999, 1_000, 12_400_000, 999_999, 1e9, 1.5e12].map(format.bytes), ["0 B", "999 B", "1.00 KB", "12.4 MB", "1.00 MB", "1.00 GB", "1.50 TB"]);
});

test("what is not known is a dash", () => {
  for (const write of [format.bytes, format.rate, format.mbps, format.count, format.percent, format.money, format.latency, format.duration, format.dateTime, format.country]) {
    assert.equal(write(null), format.UNKNOWN);
  }
});

test("German numbers have a comma", () => {
  assert.equal(inLanguage("de", () => format.bytes(12_400_000)), "12,4 MB");
  assert.equal(inLanguage("de", () => format.percent(12.5)), "12,5\u00a0%");
});

test("money below a dollar shows its digits", () => {
  assert.deepEqual([0, 0.0123, 1, 1234.5].map(format.money), ["$0.00", "$0.0123", "$1.00", "$1,234.50"]);
});

test("latency changes to seconds at one", () => {
  assert.deepEqual([4.2, 84, 999, 1_200, 120_000].map(format.latency), ["4.2 ms", "84 ms", "999 ms", "1.2 s", "120 s"]);
});

test("durations have at most two units", () => {
  assert.deepEqual([0, 42, 185, 3_600, 7_800, 273_600].map(format.duration), ["0 s", "42 s", "3 min 5 s", "1 h", "2 h 10 min", "3 d 4 h"]);
});

test("relative times choose their unit", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  assert.equal(format.relative("2026-11-30T11:55:00Z", now), "5 minutes ago");
  assert.equal(format.relative("2026-12-02T12:00:00Z", now), "in 2 days");
});

test("a country that is not known is a dash", () => {
  assert.deepEqual([format.country("DE"), format.country("XX"), format.country("")], ["Germany", "–", "–"]);
});

test("the chosen language is written as the browser's region does", () => {
  assert.equal(format.regional("en", ["de-AT", "en-GB", "en"]), "en-GB");
  assert.equal(format.regional("de", ["en-US"]), "de");
  assert.equal(format.regional("de", ["den-X", "de"]), "de");
});
