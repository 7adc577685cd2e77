import assert from "node:assert/strict";
import { findingsOf, onStage, settled, shiftsOf, takePicture } from "./stage.mjs";

// An element can be there before the browser tells that it was painted.
const firstPaint = async (page) => (await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime)).jsonValue();

export const checks = {
  "an account signs in with key and secret, and out": (world) =>
    onStage(world, { as: null }, async (page) => {
      const { account } = world.stack.dev;
      await page.getByLabel("API key").fill(account.apiKey);
      await page.getByLabel("API secret").fill(account.apiSecret);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
      assert.match(page.url(), /#\/overview$/);
      const storage = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
      assert.ok(!storage.includes(account.apiSecret) && !storage.includes(account.apiKey), "a credential is in storage or a readable cookie");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You have signed out.").waitFor();
      await page.reload();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
    }),

  "an operator signs in with the token": (world) =>
    onStage(world, { as: null }, async (page) => {
      await page.getByRole("radio", { name: "Operator" }).check();
      await page.getByLabel("Operator's token").fill(world.stack.dev.adminToken);
      await page.keyboard.press("Enter");
      await page.getByText("All accounts").waitFor();
    }),

  "wrong credentials are told in words of the page": (world) =>
    onStage(world, { as: null }, async (page) => {
      await page.getByLabel("API key").fill("jt_test_nothing");
      await page.getByLabel("API secret").fill("jts_nothing");
      await page.keyboard.press("Enter");
      await page.getByText("These credentials are not right.").waitFor();
    }),

  "a session that has ended leads to the sign-in, with a word about it": (world) =>
    onStage(world, { at: "files" }, async (page, context) => {
      await settled(page);
      await context.clearCookies();
      await page.getByLabel("Search names").fill("x");
      await page.getByText("Your session has ended.").waitFor();
    }).catch((error) => {
      // The refused call is what was wanted.
      if (!/401/.test(error.message)) throw error;
    }),

  "the sign-in page is accessible, still, and fits": async (world) => {
    for (const width of ["narrow", "wide"]) {
      for (const scheme of ["light", "dark"]) {
        await onStage(world, { as: null, width, scheme }, async (page) => {
          await page.getByRole("button", { name: "Sign in" }).waitFor();
          assert.deepEqual(await findingsOf(page), []);
          assert.deepEqual(await shiftsOf(page), []);
          await takePicture(page, `sign-in-${width}-${scheme}`);
        });
      }
    }
  },

  "with 40 ms for every round trip something is painted within a second": (world) =>
    onStage(world, { as: null }, async (page, context) => {
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      await session.send("Network.setCacheDisabled", { cacheDisabled: true });
      await session.send("Network.emulateNetworkConditions", { offline: false, latency: 40, downloadThroughput: 5_000_000, uploadThroughput: 1_000_000 });
      await page.reload();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      const painted = await firstPaint(page);
      assert.ok(painted < 1_000, `${painted} ms`);
    }),

  "nothing but the page, its style and its script is loaded before there is something to see": (world) =>
    onStage(world, { as: null }, async (page) => {
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      const paint = await firstPaint(page);
      const resources = await page.evaluate(() =>
        performance.getEntriesByType("resource").map(({ name, startTime, responseEnd }) => ({ name: new URL(name).pathname, startTime, responseEnd })),
      );
      const before = resources.filter(({ name, responseEnd }) => name.startsWith("/dashboard/") && responseEnd <= paint).map(({ name }) => name);
      assert.ok(before.length + 1 <= 3, `${before}`);
    }),
};
