import assert from "node:assert/strict";
import { callApi, onStage, settled, storeFile } from "./stage.mjs";

// Names that become markup, script or a link wherever a text is not kept one.
export const HOSTILE = [
  "<img src=x onerror=alert(1)>.txt",
  "<script>alert(2)</script>.txt",
  '"><svg onload=alert(3)>.txt',
  "javascript:alert(4)",
  "'-alert(5)-'.txt",
  "{{constructor.constructor('alert(6)')()}}.txt",
  "</textarea><iframe srcdoc='<script>alert(7)</script>'>.txt",
  "<style>@import 'javascript:alert(8)';</style>.txt",
  "${alert(9)}.txt",
  "\u202etxt.exe <a href=data:text/html,<script>alert(10)</script>>.txt",
];

// The browser writes a refused answer to its console, which is no defect of the page.
const refusedIsFine = (error) => {
  if (!/Failed to load resource/.test(error.message)) throw error;
};

export const checks = {
  "hostile names are text on every way through the files": async (world) => {
    for (const [index, name] of HOSTILE.entries()) await storeFile(world.stack, name, `hostile ${index}`);
    await onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      // What a page loads from this host is its own; anything else would have been injected.
      const foreign = [];
      page.on("request", (request) => new URL(request.url()).host === world.stack.host || /^(data|blob):/.test(request.url()) || foreign.push(request.url()));
      for (const name of HOSTILE) {
        const link = page.locator(".file-name", { hasText: name }).first();
        assert.match(await link.getAttribute("href"), /^#\/files\//);
        await link.click();
        const dialog = page.getByRole("dialog");
        await dialog.getByRole("heading", { name: name.replace(/\s+/g, " ") }).waitFor();
        await dialog.locator("pre").waitFor();
        await dialog.getByRole("button", { name: "Rename" }).click();
        await page.getByRole("heading", { name: "Rename file" }).waitFor();
        assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), name);
        await page.keyboard.press("Escape");
        await page.getByRole("heading", { name: "Rename file" }).waitFor({ state: "detached" });
        await page.keyboard.press("Escape");
        await dialog.first().waitFor({ state: "detached" });
      }
      const injected = await page.evaluate(() => document.querySelectorAll("main script, main iframe, main style, main svg[onload], main img, a[href^='javascript:'], a[href^='data:'], [srcdoc]").length);
      assert.equal(injected, 0);
      assert.deepEqual(foreign, []);
    });
  },

  "a search finds a name, and tells when there is none": async (world) => {
    await storeFile(world.stack, "needle in here.txt", "needle");
    await onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      await page.getByLabel("Search names").fill("needle");
      await page.waitForFunction(() => document.querySelectorAll(".table tbody tr").length === 1);
      assert.match(page.url(), /search=needle/);
      await page.getByLabel("Search names").fill("no such name");
      await page.getByText("No file has “no such name” in its name").waitFor();
      await page.getByRole("button", { name: "Clear search" }).click();
      await page.getByRole("link", { name: "needle in here.txt" }).waitFor();
    });
  },

  "names sort both ways": async (world) => {
    for (const name of ["sorted b.txt", "sorted a.txt"]) await storeFile(world.stack, name, name);
    await onStage(world, { at: "files?search=sorted" }, async (page) => {
      await settled(page);
      const isFirst = (name) => page.waitForFunction((wanted) => document.querySelector(".file-name")?.textContent === wanted, name);
      await page.getByRole("button", { name: "Name" }).click();
      await isFirst("sorted a.txt");
      await page.getByRole("button", { name: "Name" }).click();
      await isFirst("sorted b.txt");
      assert.match(page.url(), /order=desc/);
    });
  },

  "a file is renamed; a name that is not allowed is told beside its field": async (world) => {
    const { asset } = await storeFile(world.stack, "old name.txt", "rename me");
    await onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Actions of old name.txt" }).click();
      await page.getByRole("menuitem", { name: "Rename" }).click();
      await page.getByRole("dialog").getByLabel("Name").fill("new name.txt");
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "new name.txt" }).waitFor();
      assert.equal((await callApi(world.stack, "GET", `/api/storage/files/${asset.id}`)).asset.name, "new name.txt");
      await page.getByRole("button", { name: "Actions of new name.txt" }).click();
      await page.getByRole("menuitem", { name: "Rename" }).click();
      await page.getByRole("dialog").getByLabel("Name").fill("".repeat(600));
      await page.keyboard.press("Enter");
      await page.locator(".field-error").waitFor();
    }).catch(refusedIsFine);
  },

  "a deletion is undone in time, and is made when its time is over or the page goes": async (world) => {
    const kept = await storeFile(world.stack, "kept.txt", "kept");
    const gone = await storeFile(world.stack, "gone.txt", "gone");
    await onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      const remove = async (name) => {
        await page.getByRole("button", { name: `Actions of ${name}` }).click();
        await page.getByRole("menuitem", { name: "Delete" }).click();
        await page.locator(".file-name", { hasText: name }).waitFor({ state: "detached" });
      };
      await remove("kept.txt");
      await page.getByRole("button", { name: "Undo" }).click();
      await page.locator(".file-name", { hasText: "kept.txt" }).waitFor();
      await remove("gone.txt");
      await page.goto("about:blank");
      const statusOf = async ({ asset }) => (await fetch(`${world.stack.dev.url}/api/storage/files/${asset.id}`, { headers: { authorization: `Bearer ${world.stack.dev.account.apiKey}`, "x-api-secret": world.stack.dev.account.apiSecret } })).status;
      for (let tries = 0; (await statusOf(gone)) !== 404; tries += 1) {
        assert.ok(tries < 50, "the file is still there");
        await page.waitForTimeout(100);
      }
      assert.equal(await statusOf(kept), 200);
    });
  },

  "a picture, text and a receipt of a file are there": async (world) => {
    const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");
    await storeFile(world.stack, "dot.png", png, "image/png");
    await storeFile(world.stack, "words.txt", "words of a file");
    await onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      await page.getByRole("link", { name: "dot.png" }).click();
      await page.waitForFunction(() => document.querySelector("dialog img")?.naturalWidth === 1);
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "words.txt" }).click();
      await page.getByText("words of a file").waitFor();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("dialog").getByRole("button", { name: "Download" }).click()]);
      assert.equal(download.suggestedFilename(), "words.txt");
      assert.equal(await download.failure(), null);
    });
  },
};
