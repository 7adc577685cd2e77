import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { HOSTILE } from "./files.mjs";
import { callApi, onStage, proofOf, settled, takePicture } from "./stage.mjs";

async function operate(stack, method, route, body) {
  const response = await fetch(`${stack.dev.url}${route}`, { method, headers: proofOf(stack, "operator"), body: body && JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${route}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

const operator = (world, at, act) => onStage(world, { as: "operator", at }, act);

/** The policy by which an account's call is counted. */
async function policyOf(stack) {
  const response = await fetch(`${stack.dev.url}/api/agentcache/quota`, { headers: proofOf(stack, "account") });
  return response.headers.get("ratelimit-policy");
}

// The browser writes every refused call to its console, which is what was wanted.
const tolerant = (promise) =>
  promise.catch((error) => {
    if (!/Failed to load resource/.test(error.message)) throw error;
  });

/** An upload whose caller is in `country`, over the PoP `colo`, as Cloudflare would say. */
async function uploadFrom(stack, country, colo) {
  const place = { "mf-cf-blob": JSON.stringify({ country, colo, clientAcceptEncoding: "" }) };
  const bytes = randomBytes(6_000_000);
  const track = (body) => callApi(stack, "POST", "/api/jetty/track-upload", { body: JSON.stringify(body), headers: place });
  const { sessionId, uploadToken } = await track({ action: "start", fileName: `from ${country}.bin`, fileSize: bytes.length });
  const sent = await fetch(`${stack.dev.url}/api/jetty-speed/chunk`, {
    method: "POST",
    headers: { ...place, "x-upload-token": uploadToken, "x-part-number": "1", "x-chunk-sha256": createHash("sha256").update(bytes).digest("hex") },
    body: bytes,
  });
  assert.equal(sent.status, 200, await sent.text());
  await track({ action: "complete", sessionId });
}

export const checks = {
  "requests per minute that are changed in a tier are those that its accounts have": (world) =>
    operator(world, "tiers", async (page) => {
      const { stack } = world;
      const before = (await operate(stack, "GET", "/api/portal/tiers")).tiers.find(({ tier }) => tier === "enterprise");
      assert.match(await policyOf(stack), new RegExp(`q=${before.requests_per_minute};`));
      await settled(page);
      await page.getByRole("button", { name: "Edit tier enterprise" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Requests a minute").fill("12345");
      await dialog.getByText("What changes for every account of enterprise").waitFor();
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.getByText("Tier enterprise is changed.").waitFor();
      await page.getByRole("cell", { name: "12,345" }).waitFor();
      // Isolates know of it within 30 s.
      for (let tries = 0; !/q=12345;/.test(await policyOf(stack)); tries += 1) {
        assert.ok(tries < 80, await policyOf(stack));
        await page.waitForTimeout(500);
      }
      await operate(stack, "PATCH", "/api/portal/tiers/enterprise", { requests_per_minute: before.requests_per_minute });
    }),

  "a limit that is no number is told at its field": (world) =>
    tolerant(
      operator(world, "tiers", async (page) => {
        await settled(page);
        await page.getByRole("button", { name: "Edit tier pro" }).click();
        await page.getByRole("dialog").getByLabel("Open uploads").fill("many");
        await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
        await page.locator("input[aria-invalid=true]").waitFor();
      }),
    ),

  "an account is provisioned, put into another tier, suspended, resumed and deleted": (world) =>
    operator(world, "accounts", async (page) => {
      const { stack } = world;
      await settled(page);
      await page.getByRole("button", { name: "Provision account" }).click();
      const form = page.getByRole("dialog");
      await form.getByLabel("User", { exact: true }).fill("by-hand");
      await form.getByLabel("Email").fill("by-hand@example.com");
      await form.getByLabel("Tier").selectOption("starter");
      await form.getByRole("button", { name: "Provision account" }).click();
      await page.getByRole("heading", { name: "Account by-hand is provisioned" }).waitFor();
      const [key, secret] = await page.locator(".secrets code").allTextContents();
      const quota = await fetch(`${stack.dev.url}/api/agentcache/quota`, { headers: { authorization: `Bearer ${key}`, "x-api-secret": secret } });
      assert.equal((await quota.json()).tier, "starter");
      await page.getByLabel("I have copied it").check();
      await page.getByRole("button", { name: "Done" }).click();
      const account = () => operate(stack, "GET", "/api/portal/accounts/by-hand");
      const choose = async (item) => {
        await page.getByRole("button", { name: "Actions: by-hand" }).click();
        await page.getByRole("menuitem", { name: item }).click();
      };
      await choose("Change tier");
      await page.getByRole("dialog").getByLabel("Tier").selectOption("pro");
      await page.getByRole("dialog").getByRole("button", { name: "Change tier" }).click();
      await page.getByText("by-hand is in tier pro now.").waitFor();
      await choose("Suspend");
      await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
      await page.getByText("by-hand is suspended.").waitFor();
      const { status, tier } = await account();
      assert.deepEqual([status, tier], ["suspended", "pro"]);
      await page.getByRole("cell", { name: "Suspended" }).waitFor();
      await choose("Resume");
      await page.getByText("by-hand is active again.").waitFor();
      await page.getByRole("cell", { name: "Suspended" }).waitFor({ state: "detached" });
      await choose("Delete account");
      const dialog = page.getByRole("dialog");
      assert.ok(await dialog.getByRole("button", { name: "Delete account" }).isDisabled());
      await dialog.getByLabel("Type by-hand to confirm").fill("by-hand");
      await dialog.getByRole("button", { name: "Delete account" }).click();
      await page.getByText(/by-hand is being deleted/).waitFor();
      assert.equal((await account()).status, "deleting");
    }),

  "what the map and the table of edges say is what the API says": async (world) => {
    for (const [country, colo] of [["DE", "FRA"], ["US", "IAD"], ["NZ", "LAX"], ["XX", "FRA"]]) await uploadFrom(world.stack, country, colo);
    await operator(world, "edges", async (page) => {
      await settled(page);
      const edges = await operate(world.stack, "GET", "/api/edges");
      const { by_origin: origins, by_edge: shares } = await operate(world.stack, "GET", "/api/portal/analytics?period=24h");
      await page.locator(".land").waitFor({ state: "attached" });
      assert.equal(await page.locator(".edge-point").count(), edges.length);
      assert.equal(await page.locator(".table tbody tr").count(), edges.length);
      const placed = origins.filter(({ country, edge }) => country !== "XX" && edges.some(({ id, colo }) => id === edge || colo === edge));
      assert.ok(placed.length >= 3, JSON.stringify(origins));
      assert.equal(await page.locator(".flow").count(), placed.length);
      assert.equal(await page.locator(".map .numbers-table tbody tr").count(), origins.length);
      for (const edge of edges) {
        const share = shares.find(({ edge: name }) => name === edge.id);
        const row = page.locator(".table tbody tr", { has: page.getByText(edge.id, { exact: true }) });
        assert.match(await row.locator("td[data-label='Uploads 24 h']").textContent(), share ? new RegExp(`^${share.uploads} `) : /^–$/, edge.id);
      }
      await takePicture(page, "edges-with-uploads");
    });
  },

  "an edge is drained and activated, and its metrics are shown": (world) =>
    operator(world, "edges", async (page) => {
      await settled(page);
      const statusOf = async () => (await operate(world.stack, "GET", "/api/edges")).find(({ id }) => id === "fra").status;
      const choose = async (item) => {
        await page.getByRole("button", { name: "Actions: Frankfurt" }).click();
        await page.getByRole("menuitem", { name: item }).click();
      };
      await choose("Drain");
      await page.getByText("Frankfurt takes no new uploads").waitFor();
      await page.getByRole("cell", { name: "Draining" }).waitFor();
      await choose("Activate");
      await page.getByText("Frankfurt is offered again.").waitFor();
      assert.equal(await statusOf(), "active");
      await page.getByRole("link", { name: "Frankfurt" }).click();
      await page.getByRole("heading", { name: "Frankfurt", level: 1 }).waitFor();
    }),

  "a namespace is made, changed, gets a manager, is purged and deleted": (world) =>
    operator(world, "namespaces", async (page) => {
      const path = "/api/portal/namespaces/made-here";
      const { userId } = world.stack.dev.account;
      await settled(page);
      await page.getByRole("button", { name: "Create namespace" }).first().click();
      await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("made-here");
      await page.getByRole("dialog").getByRole("button", { name: "Create namespace" }).click();
      await page.getByRole("heading", { name: "made-here", level: 1 }).waitFor();
      await settled(page);
      await page.getByRole("button", { name: "Edit" }).click();
      await page.getByRole("dialog").getByLabel("Expected hit rate (%)").fill("77");
      await page.getByRole("dialog").getByLabel("p95 above (ms)").fill("900");
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved.").waitFor();
      const changed = await operate(world.stack, "GET", path);
      assert.deepEqual([changed.expected_hit_rate, changed.alerts.p95_ms, changed.alerts.hit_rate], [77, 900, null]);
      await page.getByLabel("User id").fill(userId);
      await page.getByLabel("Role").selectOption("manager");
      await page.getByRole("button", { name: "Add member" }).click();
      await page.getByText(`${userId} is in it now.`).waitFor();
      assert.deepEqual((await operate(world.stack, "GET", path)).managers, [userId]);
      const choose = async (item, confirm) => {
        await page.locator(".page-actions").first().getByRole("button", { name: "Actions" }).click();
        await page.getByRole("menuitem", { name: item }).click();
        await page.getByRole("dialog").getByRole("button", { name: confirm }).click();
      };
      await choose("Purge caches", "Purge caches");
      await page.getByText(/The caches are empty/).waitFor();
      await choose("Delete namespace", "Delete");
      await page.getByText("made-here is deleted.").waitFor();
    }),

  "hostile names of namespaces, tags and edges, and addresses of webhooks, are text": async (world) => {
    const { stack } = world;
    const names = HOSTILE.map((name) => name.replaceAll("\u202e", "").slice(0, 60).trim());
    const hooks = `/api/portal/namespaces/${stack.dev.account.namespace}/webhooks`;
    for (const [index, name] of names.entries()) {
      await operate(stack, "POST", "/api/portal/namespaces", { name: `hostile-${index}`, display_name: name, tags: [name] });
      await operate(stack, "POST", "/api/portal/edges", { id: `hostile-${index}`, name, city: name, country: "DE", continent: "EU", lat: 50, lon: index, colo: "FRA", capacity_mbps: 100 });
    }
    await callApi(stack, "POST", hooks, { body: JSON.stringify({ url: "https://a.example.invalid/%22onload=alert(1)?javascript:alert(2)", events: ["upload.completed"] }) });
    for (const at of ["namespaces", "namespaces/hostile-1", "edges", "edges/hostile-1", "webhooks", `webhooks?namespace=${stack.dev.account.namespace}`]) {
      await operator(world, at, async (page) => {
        await settled(page);
        const injected = await page.evaluate(() => document.querySelectorAll("main script, main iframe, main style, main svg[onload], main img, a[href^='javascript:'], a[href^='data:'], [srcdoc]").length);
        assert.equal(injected, 0, at);
      });
    }
    await operator(world, "namespaces", async (page) => {
      await settled(page);
      const shown = await page.locator(".table td.primary a").allTextContents();
      for (const name of names) assert.ok(shown.includes(name), name);
    });
    for (const index of names.keys()) {
      await operate(stack, "DELETE", `/api/portal/namespaces/hostile-${index}`);
      await operate(stack, "DELETE", `/api/portal/edges/hostile-${index}`);
    }
    for (const { id } of (await callApi(stack, "GET", hooks)).webhooks) await callApi(stack, "DELETE", `${hooks}/${id}`);
  },
};
