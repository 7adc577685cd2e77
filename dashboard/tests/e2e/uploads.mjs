import assert from "node:assert/strict";
import fs from "node:fs/promises";
import path from "node:path";
import { callApi, onStage, settled } from "./stage.mjs";

const SIZE = 60_000_000;
const CHUNKS = 6;

/** Bytes that no other test has sent, in the page and here the same. */
function bytesOf(seed, size) {
  const bytes = Buffer.alloc(size);
  let x = seed >>> 0;
  for (let at = 0; at < size; at += 4) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(x, at);
  }
  return bytes;
}

/** Drops a file on the page as a person does; its bytes are made there, because a protocol message would be too long. */
const drop = (page, name, seed, size) =>
  page.evaluate(
    ([name, seed, size]) => {
      const words = new Uint32Array(size / 4);
      let x = seed >>> 0;
      for (let at = 0; at < words.length; at += 1) words[at] = x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
      const transfer = new DataTransfer();
      transfer.items.add(new File([words], name, { lastModified: 1_700_000_000_000 }));
      for (const type of ["dragenter", "dragover", "drop"]) dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    },
    [name, seed, size],
  );

const stateOf = (page) =>
  page.evaluate(() => {
    const row = document.querySelector(".transfer");
    return row && { phase: row.dataset.phase, percent: Number(row.querySelector("[role=progressbar]").getAttribute("aria-valuenow")), text: row.querySelector(".transfer-line").textContent };
  });

/** Slows uploads of the page down to some bytes per second. */
async function slowDown(context, page, uploadThroughput) {
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", { offline: false, latency: 5, downloadThroughput: -1, uploadThroughput });
}

async function until(page, isThere, what, ms = 60_000) {
  const end = Date.now() + ms;
  for (;;) {
    const state = await stateOf(page);
    if (state?.phase === "failed") throw new Error(`the upload failed: ${state.text}`);
    if (isThere(state)) return state;
    if (Date.now() > end) throw new Error(`${what} did not happen: ${JSON.stringify(state)}`);
    await page.waitForTimeout(100);
  }
}

async function hashOf(bytes) {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
}

async function storedHash(stack, name) {
  const { files } = await callApi(stack, "GET", `/api/storage/files?search=${encodeURIComponent(name)}`);
  const link = await callApi(stack, "GET", `/api/storage/download?assetId=${files[0].id}`);
  return hashOf(await (await fetch(link.url)).arrayBuffer());
}

export const checks = {
  "60 MB dropped on the files arrive, and the bar moves": (world) =>
    onStage(world, { at: "files" }, async (page, context) => {
      await settled(page);
      await slowDown(context, page, 20_000_000);
      await drop(page, "dropped.bin", 1, SIZE);
      const seen = new Set();
      await until(page, (state) => {
        if (state?.phase === "sending") seen.add(state.percent);
        return state?.phase === "done";
      }, "the end");
      assert.ok(seen.size >= 4, `the bar was seen at ${[...seen]}`);
      await page.getByRole("link", { name: "dropped.bin" }).waitFor();
      assert.equal(await storedHash(world.stack, "dropped.bin"), await hashOf(bytesOf(1, SIZE)));
    }),

  "an upload goes on after a reload in the middle, without what is there": (world) =>
    onStage(world, { at: "files" }, async (page, context) => {
      await settled(page);
      await slowDown(context, page, 8_000_000);
      const file = path.join(world.stack.state, "reloaded.bin");
      await fs.writeFile(file, bytesOf(2, SIZE));
      await page.setInputFiles(".page-actions input[type=file]", file);
      await until(page, (state) => state?.phase === "sending" && state.percent >= 56, "the middle");
      await page.reload();
      const before = await until(page, (state) => state?.phase === "needs-file", "the interrupted upload");
      assert.ok(before.percent >= 10 && before.percent < 100, `${before.percent} %`);
      const kept = await page.evaluate(() => new Promise((resolve) => {
        indexedDB.open("jettyspeed-uploads").onsuccess = (event) => (event.target.result.transaction("uploads").objectStore("uploads").getAll().onsuccess = ({ target }) => resolve(JSON.stringify(target.result)));
      }));
      assert.ok(!kept.includes("jtu1."), "an upload token is in storage");
      let parts = 0;
      page.on("request", (request) => (parts += request.method() === "PUT" ? 1 : 0));
      await page.setInputFiles(".transfer input[type=file]", file);
      await until(page, (state) => state?.phase === "done", "the end");
      assert.ok(parts > 0 && parts < CHUNKS, `${parts} parts after the reload`);
      assert.equal(await storedHash(world.stack, "reloaded.bin"), await hashOf(bytesOf(2, SIZE)));
    }),

  "an upload is paused, goes on, and is given up": (world) =>
    onStage(world, { at: "files" }, async (page, context) => {
      await settled(page);
      await slowDown(context, page, 4_000_000);
      await drop(page, "paused.bin", 3, 20_000_000);
      await until(page, (state) => state?.phase === "sending" && state.percent >= 5, "the beginning");
      await page.getByRole("button", { name: "Pause" }).click();
      await until(page, (state) => state?.phase === "paused", "the pause");
      await page.getByRole("button", { name: "Go on" }).click();
      await until(page, (state) => state?.phase === "sending", "going on");
      await page.getByRole("button", { name: "Give up" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Give up" }).click();
      await page.waitForFunction(() => !document.querySelector(".transfer"));
      const { sessions } = await callApi(world.stack, "GET", "/api/jetty/sessions?status=failed");
      assert.equal(sessions[0].fileName, "paused.bin");
    }),

  "an upload of another program is shown live": (world) =>
    onStage(world, { at: "uploads" }, async (page) => {
      await settled(page);
      await page.getByText("Live", { exact: true }).waitFor();
      const { sessionId, uploadToken } = await callApi(world.stack, "POST", "/api/jetty/track-upload", { body: JSON.stringify({ action: "start", fileName: "elsewhere.bin", fileSize: 12_000_000, chunkSize: 6_000_000 }) });
      const part = bytesOf(4, 6_000_000);
      await callApi(world.stack, "PUT", `/api/jetty-speed/${sessionId}/1`, { body: part, headers: { "x-upload-token": uploadToken, "x-chunk-sha256": await hashOf(part) } });
      const row = page.locator(".running li", { hasText: "elsewhere.bin" });
      await row.waitFor({ timeout: 20_000 });
      await page.waitForFunction(() => document.querySelector(".running [role=progressbar]")?.getAttribute("aria-valuenow") === "50", undefined, { timeout: 20_000 });
      // Bytes come with the feed, the parts with a request after it.
      await row.locator(".part-stored").waitFor({ timeout: 20_000 });
      assert.equal(await row.locator(".part-stored").count(), 1);
      await row.getByRole("button", { name: "Give up" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Give up" }).click();
      await row.waitFor({ state: "detached", timeout: 20_000 });
    }),
};
