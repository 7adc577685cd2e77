import assert from "node:assert/strict";
import { test } from "node:test";
import { countByHash, duplicatesOf } from "../lib/files/duplicates.js";
import { kindOf, ownPath, previewOf } from "../lib/files/kinds.js";
import { applied } from "../lib/upload/live-state.js";
import { cellsOf, edgesOf } from "../pages/transfers/parts-map.js";

const file = (id, sha256, size, namespace = "a") => ({ id, sha256, size, namespace });

test("files with the same hash are duplicates within their namespace, those that save most first", () => {
  const groups = duplicatesOf([file("1", "x", 10), file("2", "y", 100), file("3", "x", 10), file("4", "y", 100), file("5", "y", 100, "b"), file("6", null, 9), file("7", null, 9)]);
  assert.deepEqual(groups.map(({ sha256, saved, files }) => [sha256, saved, files.length]), [["y", 100, 2], ["x", 10, 2]]);
  assert.deepEqual([...countByHash([file("1", "x", 1), file("2", null, 1), file("3", "x", 1)])], [["x", 2]]);
});

test("the media type decides about the preview, and the size whether there is one", () => {
  assert.deepEqual(["image/png", "text/csv; charset=utf-8", "application/json", "application/pdf", "audio/mpeg", "video/mp4", "application/zip", "", null].map(kindOf), ["image", "text", "text", "pdf", "audio", "video", "archive", "other", "other"]);
  assert.equal(previewOf({ contentType: "text/plain", size: 1_000_000 }), "text");
  assert.equal(previewOf({ contentType: "text/plain", size: 1_000_001 }), "too-large");
  assert.equal(previewOf({ contentType: "video/mp4", size: 1e12 }), "video");
  assert.equal(previewOf({ contentType: "application/octet-stream", size: 1 }), "none");
});

test("only URLs of this host are used in the page", () => {
  const origin = "https://edge.example";
  assert.equal(ownPath("https://edge.example/files/a/b?c", origin), "/files/a/b?c");
  for (const url of ["https://other.example/x", "javascript:alert(1)", "data:text/html,x", "http://edge.example/x"]) assert.equal(ownPath(url, origin), null);
});

test("messages move an upload, and nothing moves it after its end", () => {
  const message = (type, bytes) => ({ type, upload: { session: "s", bytes, size: 100, parts: 1 } });
  let known = applied(new Map(), message("upload.progress", 10), 0);
  known = applied(known, message("upload.progress", 60), 1_000);
  assert.deepEqual([known.get("s").rate, known.get("s").left, known.get("s").ended], [50, 0.8, null]);
  known = applied(known, message("upload.completed", 100), 2_000);
  assert.equal(known.get("s").ended, "complete");
  assert.equal(applied(known, message("upload.progress", 60), 3_000), known);
  assert.equal(applied(known, { type: "upload.completed", upload: { session: null } }, 0), known);
});

test("the map of parts has a square for each, or fewer for very many, each as far as its least part", () => {
  const states = { 1: "stored", 2: "copied", 3: "flying", 4: "missing" };
  assert.deepEqual(cellsOf(4, (part) => states[part]).map(({ state }) => state), ["stored", "copied", "flying", "missing"]);
  const many = cellsOf(1_000, (part) => (part <= 500 ? "stored" : "missing"));
  assert.ok(many.length <= 240);
  assert.deepEqual([many[0].from, many.at(-1).to], [1, 1_000]);
  assert.equal(many[99].state, "stored");
  assert.equal(many[100].state, "missing");
});

test("edges are listed by their parts", () => {
  assert.deepEqual(edgesOf(new Map([[1, "fra"], [2, "ams"], [3, "ams"]])), [["ams", 2], ["fra", 1]]);
});
