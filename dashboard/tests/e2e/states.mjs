import { onStage, settled, takePicture } from "./stage.mjs";

const problem = (status, members) => ({ status, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", status, ...members }) });

/** Answers the files' list with something else. */
const answer = (page, response) => page.route("**/api/storage/files?*", (route) => route.fulfill(response));

// The browser writes every refused answer to its console, which is no defect of the page.
const tolerant = (promise) =>
  promise.catch((error) => {
    if (!/Failed to load resource/.test(error.message)) throw error;
  });

export const checks = {
  "a failure shows the request's id, and a retry mends it": (world) =>
    tolerant(
      onStage(world, { at: "overview" }, async (page) => {
        await settled(page);
        await answer(page, problem(503, { code: "origin-unavailable", detail: "The store is down.", requestId: "req-1" }));
        await page.getByRole("link", { name: "Files" }).click();
        await page.getByText("req-1").waitFor();
        await takePicture(page, "state-failed");
        await page.unroute("**/api/storage/files?*");
        await page.getByRole("button", { name: "Try again" }).click();
        await page.getByText("req-1").waitFor({ state: "detached" });
      }),
    ),

  "a rate limit counts down and asks again by itself": (world) =>
    tolerant(
      onStage(world, { at: "overview" }, async (page) => {
        await settled(page);
        await answer(page, problem(429, { code: "rate-limited", detail: "Too many.", retryAfter: 2 }));
        await page.getByRole("link", { name: "Files" }).click();
        await page.getByText(/Next try in/).waitFor();
        await takePicture(page, "state-limited");
        await page.unroute("**/api/storage/files?*");
        await page.getByText(/Next try in/).waitFor({ state: "detached", timeout: 10_000 });
      }),
    ),

  "offline is told, and what was shown stays": (world) =>
    tolerant(
      onStage(world, { at: "files" }, async (page, context) => {
        await settled(page);
        await context.setOffline(true);
        await page.getByText("You are offline.").waitFor();
        await page.getByRole("heading", { name: "Files", level: 1 }).waitFor();
        await takePicture(page, "state-offline");
        await context.setOffline(false);
        await page.getByText("You are offline.").waitFor({ state: "detached" });
      }),
    ),

  "German is chosen, kept over a reload, and named to screen readers": (world) =>
    onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      await page.getByRole("radio", { name: "DE", exact: true }).check();
      await page.getByRole("heading", { name: "Dateien", level: 1 }).waitFor();
      await page.reload();
      await page.getByRole("heading", { name: "Dateien", level: 1 }).waitFor();
      await page.waitForFunction(() => document.documentElement.lang === "de");
    }),
};
