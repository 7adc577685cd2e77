import assert from "node:assert/strict";
import { test } from "node:test";
import { retrySeconds, withQuery } from "../lib/api.js";
import { translate } from "../lib/i18n.js";
import { href, parseHash } from "../lib/router.js";
import { sorted } from "../lib/sort.js";
import { createStore } from "../lib/store.js";
import { judge, trendOf } from "../lib/trend.js";
import { texts } from "../texts/index.js";

test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  assert.equal(retrySeconds("7"), 7);
  assert.equal(retrySeconds("Mon, 30 Nov 2026 12:00:30 GMT", now), 30);
  assert.equal(retrySeconds("Mon, 30 Nov 2026 11:00:00 GMT", now), 0);
  assert.equal(retrySeconds("soon"), null);
  assert.equal(retrySeconds(null), null);
});

test("a query leaves out what is empty and escapes the rest", () => {
  assert.equal(withQuery("/a", { search: "x&y", cursor: null, limit: 50, sort: "" }), "/a?search=x%26y&limit=50");
  assert.equal(withQuery("/a", {}), "/a");
});

test("a hash is parsed into page, rest and query, and written back", () => {
  assert.deepEqual(parseHash("#/files/a%2Fb?search=x%20y"), { page: "files", rest: ["a/b"], query: { search: "x y" } });
  assert.deepEqual(parseHash(""), { page: "", rest: [], query: {} });
  assert.deepEqual(parseHash("#/files/%E0%A4%A"), { page: "files", rest: ["%E0%A4%A"], query: {} });
  assert.deepEqual(parseHash(href(["files", "a/b"], { search: "x y", sort: null })), { page: "files", rest: ["a/b"], query: { search: "x y" } });
});

test("a text is filled in, its number decides the form, and a missing one is its key", () => {
  const table = { greet: { en: "Hi {name}", de: "Hallo {name}" }, files: { en: { one: "{n} file", other: "{n} files" } } };
  assert.equal(translate(table, "de", "greet", { name: "<b>" }), "Hallo <b>");
  assert.equal(translate(table, "en", "files", { n: 1 }), "1 file");
  assert.equal(translate(table, "de", "files", { n: 3 }), "3 files");
  assert.equal(translate(table, "en", "none"), "none");
});

test("every text is there in both languages, with the same names in braces", () => {
  const forms = (text) => (typeof text === "string" ? [text] : Object.values(text));
  const names = (text) => [...new Set(forms(text).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();
  for (const [key, entry] of Object.entries(texts)) {
    assert.ok(entry.en && entry.de, key);
    assert.deepEqual(names(entry.en), names(entry.de), key);
  }
});

test("rows are sorted by number and by text, the unknown last in both orders", () => {
  const rows = [{ n: 2, s: "b10" }, { n: null, s: "b9" }, { n: 1, s: null }];
  assert.deepEqual(sorted(rows, (row) => row.n).map((row) => row.n), [1, 2, null]);
  assert.deepEqual(sorted(rows, (row) => row.n, "desc").map((row) => row.n), [2, 1, null]);
  assert.deepEqual(sorted(rows, (row) => row.s).map((row) => row.s), ["b9", "b10", null]);
});

test("a trend is percent of before, or points", () => {
  assert.deepEqual(trendOf(150, 100), { change: 50, by: "ratio" });
  assert.deepEqual(trendOf(92, 90, "points"), { change: 2, by: "points" });
  assert.equal(trendOf(0, 0), null);
  assert.equal(trendOf(5, 0), null);
  assert.equal(trendOf(null, 3), null);
});

test("whether a change is welcome depends on the figure", () => {
  assert.equal(judge({ change: 5 }, "up"), "good");
  assert.equal(judge({ change: 5 }, "down"), "bad");
  assert.equal(judge({ change: 0.01 }, "down"), "even");
  assert.equal(judge(null, "up"), "even");
});

test("a store tells its listeners of changes only", () => {
  const store = createStore(1);
  const seen = [];
  const end = store.subscribe((value) => seen.push(value));
  store.set(1);
  store.set((value) => value + 1);
  end();
  store.set(3);
  assert.deepEqual(seen, [2]);
});
