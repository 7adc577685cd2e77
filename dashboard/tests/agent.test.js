import assert from "node:assert/strict";
import test from "node:test";
import { agentName } from "../lib/agent.js";

test("browser and system are told of a User-Agent", () => {
  for (const [agent, name] of [
    ["Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0", "Firefox 147, Linux"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge 140, Windows"],
    ["Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome 140, Android"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari 18, iPhone"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", "Safari 18, macOS"],
    ["curl/8.5.0", "curl/8.5.0"],
  ]) {
    assert.equal(agentName(agent), name);
  }
});

test("no User-Agent has no name, and one that is nothing known is cut", () => {
  assert.equal(agentName(null), null);
  assert.equal(agentName(""), null);
  assert.equal(agentName("<script>".repeat(20)).length, 60);
});
