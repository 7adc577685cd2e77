import assert from "node:assert/strict";
import test from "node:test";
import { changes, creation, formOf } from "../lib/namespace-form.js";

const namespace = {
  name: "films", display_name: "Films", tags: ["a", "b"], cache_ttl: { small: 60, text: 60, large: 21600, video: 43200 },
  features: { jetty_speed_upload: true, video_streaming: true, desktop_cdn: true, compress_text: false }, chunk_size: null, allow_unsigned: false,
  cross_namespace_dedup: false, origin_usd_per_gb: 0.02, expected_hit_rate: 85, alerts: { hit_rate: null, p95_ms: 900, upload_failure_percent: null },
};

test("form that is not touched changes nothing", () => {
  assert.deepEqual(changes(namespace, formOf(namespace)), {});
});

test("only members that differ are sent, and what is emptied goes back to its default", () => {
  const form = formOf(namespace);
  form.cache_ttl = { ...form.cache_ttl, video: "", large: "3600" };
  form.alerts = { ...form.alerts, p95_ms: "" };
  form.expected_hit_rate = " ";
  form.features = { ...form.features, compress_text: true };
  form.tags = "a,  c,,";
  assert.deepEqual(changes(namespace, form), { tags: ["a", "c"], cache_ttl: { large: 3600, video: null }, features: { compress_text: true }, expected_hit_rate: null, alerts: { p95_ms: null } });
});

test("number with a comma is read, and what is no number is left for the API to refuse", () => {
  const form = formOf(namespace);
  form.origin_usd_per_gb = "0,015";
  form.chunk_size = "big";
  assert.deepEqual(changes(namespace, form), { origin_usd_per_gb: 0.015, chunk_size: "big" });
});

test("new namespace has its name and defaults, and no display name or shard unless they are given", () => {
  const body = creation({ ...formOf(), name: " jt_customer_a " });
  assert.equal(body.name, "jt_customer_a");
  assert.ok(!("display_name" in body) && !("shard" in body));
  assert.deepEqual([body.chunk_size, body.features.compress_text, body.features.video_streaming, body.cache_ttl.small], [null, false, true, null]);
  assert.equal(creation({ ...formOf(), name: "a", shard: "2" }).shard, 2);
});
