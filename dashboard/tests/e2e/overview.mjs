import assert from "node:assert/strict";
import * as format from "../../lib/format.js";
import { language } from "../../lib/preferences.js";
import { callApi, onStage, settled, storeFile } from "./stage.mjs";

/** What the page shows for each figure, by its name. */
const figuresOf = (page) => page.evaluate(() => Object.fromEntries([...document.querySelectorAll(".stat")].map((stat) => [stat.querySelector(".stat-label").textContent, stat.querySelector(".stat-value").textContent])));

async function readTwice(stack, name) {
  const { asset } = await storeFile(stack, name, "read me twice");
  const { url } = await callApi(stack, "GET", `/api/storage/download?assetId=${asset.id}`);
  for (let times = 0; times < 2; times += 1) assert.equal((await fetch(url)).status, 200);
}

/** Statistics are written some seconds after what they count. */
async function countedAnalytics(stack, least) {
  for (let tries = 0; tries < 60; tries += 1) {
    const now = await callApi(stack, "GET", "/api/portal/analytics?period=24h");
    if (now.total_requests >= least) return now;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("the statistics did not come");
}

export const checks = {
  "figures, chart and bars are the API's numbers": async (world) => {
    language.set("en");
    await readTwice(world.stack, "read.txt");
    await countedAnalytics(world.stack, 2);
    await onStage(world, { at: "overview" }, async (page) => {
      await settled(page);
      const now = await callApi(world.stack, "GET", "/api/portal/analytics?period=24h");
      const figures = await figuresOf(page);
      assert.equal(figures.Requests, format.count(now.total_requests));
      assert.equal(figures["Hit rate"], format.percent(now.hit_rate));
      assert.equal(figures["From cache"], format.bytes(now.bytes_from_cache));
      assert.equal(figures["First byte, p95"], format.latency(now.p95_latency_ms));
      const text = await page.locator(".classes li", { hasText: "Text" }).textContent();
      assert.ok(text.includes(format.percent(now.breakdown.text_files.hit_rate)), text);
      const cells = await page.locator(".numbers-table tbody tr td:nth-child(2)").allTextContents();
      assert.deepEqual(cells, now.series.map(({ requests }) => format.count(requests)));
      await page.waitForFunction(() => document.querySelector(".chart-plot canvas")?.width > 0);
      await page.getByRole("radio", { name: "By kind" }).check();
      const texts = await page.locator(".numbers-table tbody tr td:nth-child(3)").allTextContents();
      assert.deepEqual(texts, now.series.map(({ by_class: { text_files: requests } }) => format.count(requests)));
      assert.ok(now.series.some(({ by_class: { text_files: requests } }) => requests > 0));
    });
  },

  "another period asks for it, keeps it in the address, and counts as many points": async (world) => {
    await readTwice(world.stack, "read in a month.txt");
    await countedAnalytics(world.stack, 2);
    await onStage(world, { at: "overview" }, async (page) => {
      await settled(page);
      await page.getByRole("radio", { name: "30 days" }).check();
      await page.waitForFunction(() => document.querySelectorAll(".numbers-table tbody tr").length === 30);
      assert.match(page.url(), /period=30d/);
    });
  },
};
