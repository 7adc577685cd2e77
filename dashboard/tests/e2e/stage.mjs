// A signed-in page on a stack of its own, and what every check wants to know of it.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { repositoryPath } from "../../../tests/players/places.mjs";

// `zoomed` is the wide window at 200 %.
export const WIDTHS = { narrow: { width: 360, height: 740 }, wide: { width: 1440, height: 900 }, zoomed: { width: 720, height: 450 } };
export const PICTURES = repositoryPath("target/dashboard-pictures");
const AXE = await fs.readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Opens the dashboard in a browser context of its own, acts, and fails on any error of the page or its console.
 * @param {{browser: any, stack: any}} world
 * @param {{as?: "account" | "operator" | null, width?: "narrow" | "wide", scheme?: "light" | "dark", at?: string, options?: object}} how
 * @param {(page: import("playwright-core").Page, context: any) => Promise<unknown>} act
 */
export async function onStage({ browser, stack }, { as = "account", width = "wide", scheme = "light", at = "", options = {} }, act) {
  const context = await browser.newContext({ viewport: WIDTHS[width], colorScheme: scheme, locale: "en-GB", timezoneId: "Europe/Berlin", reducedMotion: "reduce", ...options });
  try {
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && !isExpected(message) && errors.push(`${message.text()} ${message.location().url}`));
    page.on("dialog", (dialog) => errors.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());
    await page.addInitScript(watchShifts);
    if (as) await signInByCall(page, stack, as);
    await page.goto(`${stack.dev.url}/dashboard${at ? `#/${at}` : ""}`);
    const result = await act(page, context);
    assert.deepEqual(errors, []);
    return result;
  } finally {
    await context.close();
  }
}

// Whether somebody is signed in is asked, and the answer may be no.
const isExpected = (message) => message.location().url.endsWith("/api/portal/session") || message.location().url.endsWith("/api/portal/sessions");

function watchShifts() {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push({ value: entry.value, where: entry.sources.map(({ node, previousRect, currentRect }) => [node?.nodeName, node?.className, previousRect.top, currentRect.top, previousRect.height, currentRect.height].join(" ")) });
  }).observe({ type: "layout-shift", buffered: true });
}

/** The proof of an account or operator, as header fields. */
export const proofOf = ({ dev }, as) => (as === "operator" ? { authorization: `Bearer ${dev.adminToken}` } : { authorization: `Bearer ${dev.account.apiKey}`, "x-api-secret": dev.account.apiSecret });

async function signInByCall(page, stack, as) {
  const response = await page.request.post(`${stack.dev.url}/api/portal/sessions`, { headers: proofOf(stack, as) });
  assert.equal(response.status(), 201, await response.text());
}

/** Waits until the page shows what it has: no skeleton, and no request under way. */
export async function settled(page) {
  await page.waitForSelector("main h1");
  await page.waitForFunction(() => !document.querySelector(".skeleton, .pending"));
  // A page that listens to the live feed is never idle.
  await page.waitForTimeout(300);
}

/** Findings of axe that are serious or critical, as short texts. */
export async function findingsOf(page) {
  // Evaluated, not inserted: the page allows no inline script.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`).join(" | ")}`);
}

/** The sum of the shifts of the layout that nobody caused. */
export const shiftsOf = (page) => page.evaluate(() => window.shifts);

/** How much wider than the window the page is, in pixels. */
export const overflowOf = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

export async function takePicture(page, name) {
  await fs.mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true, animations: "disabled" });
}

/** Calls the API as the account does, for what a check needs. */
export async function callApi(stack, method, route, { body, headers = {} } = {}) {
  const response = await fetch(`${stack.dev.url}${route}`, { method, body, headers: { ...proofOf(stack, "account"), ...headers } });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${route}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Stores a small file. */
export const storeFile = (stack, name, body, type = "text/plain") => callApi(stack, "POST", "/api/storage/upload", { body, headers: { "x-file-name": encodeURIComponent(name), "content-type": type } });
