// Startup times over the lab's links: script/bench download. Runs in the client's namespace, where the edge is JETTY_URL. The last line of the output is the
// result as JSON. --quick: one cold start and two warm ones of each.
import { launch } from "./browser.mjs";
import { servePages } from "./pages.mjs";
import { environment, runOrThrow, stopAll } from "./processes.mjs";
import { samples } from "./samples.mjs";
import { startup, startupAhead } from "./startup.mjs";

const { JETTY_URL, JETTY_API_KEY, JETTY_API_SECRET, LAB_NAMESPACE, LAB_OPERATOR_TOKEN } = process.env;
const runs = process.argv.includes("--quick") ? { cold: 1, warm: 2 } : undefined;

const jetty = async (...args) => JSON.parse(await runOrThrow("jetty", ["--json", ...args], { env: environment }));

async function purge() {
  const headers = { Authorization: `Bearer ${LAB_OPERATOR_TOKEN}` };
  const response = await fetch(`${JETTY_URL}/api/portal/namespaces/${LAB_NAMESPACE}/purge`, { method: "POST", headers });
  if (response.status !== 200) throw new Error(`purge: ${response.status} ${await response.text()}`);
}

const stops = [];
const results = [];
try {
  const page = await servePages({ apiKey: JETTY_API_KEY, apiSecret: JETTY_API_SECRET });
  stops.unshift(() => page.stop());
  const browser = await launch();
  stops.unshift(() => browser.close());
  for (const film of await samples()) {
    await jetty("video", "push", film.folder, "--id", film.name);
    const { host } = new URL(JETTY_URL);
    const measured = await startup(browser, page.url, film, host, purge, runs);
    results.push({ name: film.name, what: film.what, ...measured, told: await startupAhead(browser, page.url, film, host, runs) });
    console.error(`  video: ${film.name}: done`);
  }
} finally {
  for (const stop of stops) await stop().catch((error) => console.error(`while stopping: ${error.message}`));
  await stopAll();
}
console.log(JSON.stringify(results));
