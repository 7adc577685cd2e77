import assert from "node:assert/strict";
import test from "node:test";
import { askEach, edgeChanges, edgeForm, flowsOf, healthOf, MOST_FLOWS } from "../lib/edges.js";
import { middleOf } from "../map/countries.js";

const active = { status: "active" };
const now = (errorRate, loadPercent = 10) => ({ errorRate, loadPercent, confidence: 1 });
const edges = [{ id: "fra", colo: "FRA", lat: 50, lon: 8 }, { id: "own", colo: "OSL", lat: 60, lon: 11 }];

test("edge that is not offered is as its status says, others as they were measured", () => {
  assert.equal(healthOf({ status: "draining" }, now(0)), "draining");
  assert.equal(healthOf({ status: "disabled" }, null), "disabled");
  assert.equal(healthOf(active, null), "unmeasured");
  assert.equal(healthOf(active, { errorRate: null, loadPercent: 0, confidence: 0 }), "unmeasured");
  assert.equal(healthOf(active, now(0)), "healthy");
  assert.equal(healthOf(active, now(0.06)), "unsteady");
  assert.equal(healthOf(active, now(0.51)), "failing");
  assert.equal(healthOf(active, now(0, 80)), "busy");
});

test("uploads are arrows from the country to the edge by id or PoP, and what has no place is counted", () => {
  const { flows, hidden } = flowsOf([{ country: "DE", edge: "fra", bytes: 5 }, { country: "NO", edge: "OSL", bytes: 9 }, { country: "XX", edge: "fra", bytes: 3 }, { country: "DE", edge: "QQQ", bytes: 2 }], edges, middleOf);
  assert.deepEqual(flows.map(({ country, edge, bytes }) => [country, edge.id, bytes]), [["NO", "own", 9], ["DE", "fra", 5]]);
  assert.equal(hidden, 5);
});

test("more flows than the map can show are counted as hidden", () => {
  const many = Array.from({ length: MOST_FLOWS + 3 }, () => ({ country: "DE", edge: "fra", bytes: 1 }));
  const { flows, hidden } = flowsOf(many, edges, middleOf);
  assert.deepEqual([flows.length, hidden], [MOST_FLOWS, 3]);
});

test("each is asked once, few at the same time, and a failure is null", async () => {
  let [running, most] = [0, 0];
  const found = await askEach(["a", "b", "c", "d", "e"], async (name) => {
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 1));
    running -= 1;
    if (name === "c") throw new Error("no");
    return name.toUpperCase();
  }, 2);
  assert.deepEqual(found, { a: "A", b: "B", c: null, d: "D", e: "E" });
  assert.equal(most, 2);
});

test("form of an edge sends what differs, and an empty address goes back to the Worker's own", () => {
  const edge = { id: "osl", name: "Oslo", city: "Oslo", country: "NO", continent: "EU", lat: 60.2, lon: 11.1, colo: "OSL", url: "https://a.example", capacityMbps: 500, status: "active" };
  assert.deepEqual(edgeChanges(edge, edgeForm(edge)), {});
  assert.deepEqual(edgeChanges(edge, { ...edgeForm(edge), url: " ", lat: "60,5", capacity_mbps: "many" }), { lat: 60.5, capacity_mbps: "many", url: null });
  assert.deepEqual(edgeChanges(null, { ...edgeForm(null), name: "Oslo", country: "no" }), { name: "Oslo", country: "NO", continent: "EU" });
});
