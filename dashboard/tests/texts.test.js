import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { texts } from "../texts/index.js";
import { operator } from "../texts/operator.js";

const all = { ...texts, ...operator };
const forms = (text) => (typeof text === "object" ? Object.values(text) : [text]);
const names = (text) => forms(text).flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));

test("every text is there in both languages, with the same values in it", () => {
  for (const [key, { en, de }] of Object.entries(all)) {
    assert.ok(forms(en).every(Boolean) && forms(de).every(Boolean), key);
    assert.deepEqual(new Set(names(de)), new Set(names(en)), key);
  }
});

test("texts of operators' pages replace none of the others", () => {
  assert.deepEqual(Object.keys(operator).filter((key) => key in texts), []);
});

// Where the texts of operators are there before anything is shown.
const OPERATORS = /^(pages\/(accounts|tiers|namespaces|edges|health|jobs)\/|lib\/tiers)/;

test("every key that is written out in the sources has a text that is loaded there", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = readdirSync(root, { recursive: true }).filter((name) => /^(lib|map|pages|ui)\/.*\.js$/.test(name) || name === "main.js");
  const missing = sources.flatMap((name) => [...readFileSync(`${root}/${name}`, "utf8").matchAll(/\bt\(\s*"([\w.-]+)"/g)].map(([, key]) => key).filter((key) => !(key in (OPERATORS.test(name) ? all : texts))).map((key) => `${name}: ${key}`));
  assert.deepEqual(missing, []);
});
