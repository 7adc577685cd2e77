import assert from "node:assert/strict";
import test from "node:test";
import { manageable, readable, webhooksPath } from "../lib/webhooks.js";
import { tierChanges, typedNumber } from "../lib/tiers.js";

test("payload is indented, and what was cut stays as it is", () => {
  assert.deepEqual(readable('{"a":[1]}'), { text: '{\n  "a": [\n    1\n  ]\n}', isCut: false });
  const cut = `{"a":"${"x".repeat(2_042)}`;
  assert.deepEqual(readable(cut), { text: cut, isCut: true });
  assert.deepEqual(readable("no json"), { text: "no json", isCut: false });
  assert.equal(readable(undefined), null);
});

test("account sees namespaces that it manages, its own first; an operator all", () => {
  const namespaces = [{ name: "a", role: "manager" }, { name: "b", role: "member" }, { name: "jt_user_u", role: "manager" }];
  assert.deepEqual(manageable(namespaces, { kind: "account", namespace: "jt_user_u" }).map(({ name }) => name), ["jt_user_u", "a"]);
  assert.equal(manageable(namespaces, { kind: "operator", namespace: null }).length, 3);
});

test("names in paths are encoded", () => {
  assert.equal(webhooksPath("a/b", "../x"), "/api/portal/namespaces/a%2Fb/webhooks/..%2Fx");
});

test("only what was changed of a tier is sent, and what is no number as it was typed", () => {
  const tier = { tier: "pro", storage_quota_gb: 20, bandwidth_quota_gb: 50, requests_per_minute: 300, max_file_mb: 500, max_objects: 10, max_open_uploads: 5, jetty_speed_enabled: true };
  const typed = { storage_quota_gb: "20", bandwidth_quota_gb: " 60 ", requests_per_minute: "300", max_file_mb: "-1", max_objects: "many", max_open_uploads: "5", jetty_speed_enabled: false };
  assert.deepEqual(tierChanges(tier, typed), { bandwidth_quota_gb: 60, max_file_mb: "-1", max_objects: "many", jetty_speed_enabled: false });
  assert.equal(typedNumber("9007199254740993"), "9007199254740993");
});
