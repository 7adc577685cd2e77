import assert from "node:assert/strict";
import http from "node:http";
import { callApi, onStage, settled } from "./stage.mjs";

const hooksOf = (stack) => `/api/portal/namespaces/${stack.dev.account.namespace}/webhooks`;

/** A receiver on this machine that keeps the id of each message, and answers with markup. */
async function receiver(act) {
  const seen = [];
  const server = http.createServer((request, response) => {
    seen.push(request.headers["webhook-id"]);
    request.resume().on("end", () => response.writeHead(200).end("<img src=x onerror=alert(1)>"));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await act(`http://127.0.0.1:${server.address().port}/hook`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function until(isSo, what) {
  for (let tries = 0; tries < 150; tries += 1) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${what} did not happen`);
}

// The browser writes every refused call to its console, which is what was wanted.
const tolerant = (promise) =>
  promise.catch((error) => {
    if (!/Failed to load resource/.test(error.message)) throw error;
  });

export const checks = {
  "a webhook is added with its secret shown once, tested, replayed and deleted": (world) =>
    receiver((url, seen) =>
      onStage(world, { at: "webhooks" }, async (page) => {
        await settled(page);
        await page.getByRole("button", { name: "Add webhook" }).first().click();
        await page.getByRole("dialog").getByLabel("URL").fill(url);
        await page.getByRole("dialog").getByRole("button", { name: "Add webhook" }).click();
        await page.getByRole("heading", { name: "The webhook is set up" }).waitFor();
        assert.match(await page.locator(".secrets code").textContent(), /^whsec_/);
        // What is shown once is not closed by mistake.
        await page.keyboard.press("Escape");
        await page.getByRole("heading", { name: "The webhook is set up" }).waitFor();
        await page.getByLabel("I have copied it").check();
        await page.getByRole("button", { name: "Done" }).click();
        await page.getByRole("link", { name: url }).click();
        await page.getByText("Nothing was sent yet").waitFor();
        await page.getByRole("button", { name: "Send test event" }).first().click();
        await until(() => seen.length === 1, "the test event");
        await page.getByText("Delivered", { exact: true }).waitFor();
        await page.getByRole("button", { name: "Show delivery of webhook.test" }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByText('"type": "webhook.test"').waitFor();
        await dialog.getByText("<img src=x onerror=alert(1)>").waitFor();
        await dialog.getByRole("button", { name: "Replay" }).click();
        await until(() => seen.length === 2, "the replay");
        assert.equal(seen[1], seen[0], "the same message");
        await page.keyboard.press("Escape");
        await page.getByRole("link", { name: "All webhooks" }).click();
        await page.getByRole("button", { name: `Actions: ${url}` }).click();
        await page.getByRole("menuitem", { name: "Delete webhook" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
        await page.getByText("No webhooks yet").waitFor();
        assert.deepEqual((await callApi(world.stack, "GET", hooksOf(world.stack))).webhooks, []);
      }),
    ),

  "an address that is none is told at its field": (world) =>
    tolerant(
      onStage(world, { at: "webhooks" }, async (page) => {
        await settled(page);
        await page.getByRole("button", { name: "Add webhook" }).first().click();
        await page.getByRole("dialog").getByLabel("URL").fill("nowhere");
        await page.getByRole("dialog").getByRole("button", { name: "Add webhook" }).click();
        await page.locator("input[type=url][aria-invalid=true]").waitFor();
      }),
    ),
};
