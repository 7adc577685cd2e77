import assert from "node:assert/strict";
import fs from "node:fs/promises";
import { callApi, onStage, proofOf, settled } from "./stage.mjs";

export const checks = {
  "usage says what the API says, and its statement is saved as CSV": (world) =>
    onStage(world, { at: "usage" }, async (page) => {
      await settled(page);
      const quota = await callApi(world.stack, "GET", "/api/agentcache/quota");
      const files = page.locator(".meter", { hasText: "Files" });
      assert.match(await files.locator(".meter-figure").textContent(), new RegExp(`^${quota.objects_used.toLocaleString("en-GB")} of `));
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save the statement as CSV" }).click()]);
      const csv = await fs.readFile(await download.path(), "utf8");
      assert.match(csv, /^agentcache_user_id,period,/);
      assert.match(download.suggestedFilename(), /^statement-\d{4}-\d{2}\.csv$/);
      const month = page.getByLabel("Month", { exact: true });
      await month.selectOption({ index: 1 });
      await page.getByText("Nothing was stored or called in this month.").waitFor();
    }),

  "credentials are rotated with an overlap in which both work": (world) =>
    onStage(world, { at: "keys" }, async (page) => {
      const { dev } = world.stack;
      await settled(page);
      await page.getByRole("button", { name: "Rotate credentials" }).click();
      await page.getByRole("dialog").getByLabel("Old credentials stay valid for").selectOption({ label: "7 days" });
      await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
      await page.getByText("This is shown once.").waitFor();
      const [key, secret] = await page.locator(".secrets code").allTextContents();
      assert.notEqual(key, dev.account.apiKey);
      const fresh = { authorization: `Bearer ${key}`, "x-api-secret": secret };
      for (const headers of [fresh, proofOf(world.stack, "account")]) {
        assert.equal((await fetch(`${dev.url}/api/agentcache/quota`, { headers })).status, 200);
      }
      await page.getByLabel("I have copied it").check();
      await page.getByRole("button", { name: "Done" }).click();
      await page.getByText("Expiring").waitFor();
      await page.getByText("Current", { exact: true }).waitFor();
      assert.ok(!(await page.content()).includes(secret), "the secret is gone from the page");
    }),

  "another browser's session is ended from the list": (world) =>
    onStage(world, { at: "keys" }, async (page) => {
      const { dev } = world.stack;
      await settled(page);
      const begun = await fetch(`${dev.url}/api/portal/sessions`, { method: "POST", headers: { ...proofOf(world.stack, "account"), "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0" } });
      const cookie = begun.headers.get("set-cookie").split(";")[0];
      const who = () => fetch(`${dev.url}/api/portal/session`, { headers: { cookie } });
      assert.equal((await who()).status, 200);
      await page.reload();
      await settled(page);
      await page.getByRole("button", { name: "End the session of Firefox 147, Linux" }).click();
      await page.getByText("The session has ended.").waitFor();
      await page.getByText("Firefox 147, Linux").waitFor({ state: "detached" });
      for (let tries = 0; (await who()).status !== 401; tries += 1) {
        assert.ok(tries < 80, "the session still works");
        await page.waitForTimeout(500);
      }
    }),
};
