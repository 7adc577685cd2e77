// Debian's Chromium. Each page gets a new browser context, so that no connection, cached response or preflight of an earlier page is reused.
import { chromium } from "playwright-core";
import { CHROMIUM } from "./places.mjs";
import { environment } from "./processes.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--no-first-run", "--disable-background-networking", "--no-proxy-server"];

// Playwright's signal handlers would exit this program before the stack is stopped.
const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };

export const launch = () => chromium.launch({ executablePath: CHROMIUM, args: FLAGS, headless: true, env: environment, ...signals });

// Opens a page with the player, runs `act` on it and closes it. `answers` are the Worker's responses to the page.
export async function visit(browser, url, act) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const answers = [];
    const pageErrors = [];
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith("/v/")) {
        const headers = response.headers();
        const file = pathname.split("/").slice(3).join("/");
        answers.push({ file, range: response.request().headers().range, status: response.status(), cache: headers["cache-status"] ?? null, headers });
      }
    });
    page.on("pageerror", (error) => pageErrors.push(error.message));
    await page.goto(url);
    const result = await act(page, answers);
    const bad = answers.find(({ status }) => status !== 200 && status !== 206);
    if (bad) throw new Error(`${bad.file}: ${bad.status} ${JSON.stringify(bad.headers)}`);
    if (pageErrors.length > 0) throw new Error(`the page: ${pageErrors.join("; ")}`);
    return result;
  } finally {
    await context.close();
  }
}
