// Debian's Chromium. Each page is a new visitor: no connection, no cached answer, no preflight of an earlier one.
import { chromium } from "playwright-core";
import { CHROMIUM } from "./places.mjs";
import { environment } from "./processes.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--no-first-run", "--disable-background-networking", "--no-proxy-server"];

// By itself, playwright would end this program at a signal, before the rest is stopped.
const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };

export const launch = () => chromium.launch({ executablePath: CHROMIUM, args: FLAGS, headless: true, env: environment, ...signals });

// A page with the player, closed again whatever becomes of it; `answers` are what the Worker said to it.
export async function visit(browser, url, act) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const answers = [];
    const broken = [];
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith("/v/")) {
        const headers = response.headers();
        const file = pathname.split("/").slice(3).join("/");
        answers.push({ file, range: response.request().headers().range, status: response.status(), cache: headers["cache-status"] ?? null, headers });
      }
    });
    page.on("pageerror", (error) => broken.push(error.message));
    await page.goto(url);
    const result = await act(page, answers);
    const bad = answers.find(({ status }) => status !== 200 && status !== 206);
    if (bad) throw new Error(`${bad.file}: ${bad.status} ${JSON.stringify(bad.headers)}`);
    if (broken.length > 0) throw new Error(`the page: ${broken.join("; ")}`);
    return result;
  } finally {
    await context.close();
  }
}
