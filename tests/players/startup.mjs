// Startup time, from the playback request to the first frame: cold, with an empty PoP cache, and warm, after the video was played before.
import { visit } from "./browser.mjs";

const RUNS = { cold: 3, warm: 7 };
// Maximum median of warm starts with 40 ms of round trip (docs/benchmarks.md, Real players).
export const LIMIT_MS = 500;

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// `ahead` are files that the page asks for as soon as it has the URL, before the player knows of them.
const measureStart = (browser, page, { name, entry }, host, ahead = []) =>
  visit(browser, page, async (tab, answers) => {
    const { ms, steps } = await tab.evaluate(([query, ahead]) => player.startup(query, ahead), [{ host, name, entry }, ahead]);
    return { ms, steps, first: answers[0]?.cache ?? "no Cache-Status", files: answers.filter(({ range }) => !range).map(({ file }) => file) };
  });

function summary(runs) {
  const all = runs.map(({ ms }) => ms);
  const steps = Object.fromEntries(Object.keys(runs[0].steps).map((step) => [step, median(runs.map((run) => run.steps[step]))]));
  return { median_ms: median(all), least_ms: Math.min(...all), most_ms: Math.max(...all), runs: all.length, steps_ms: steps };
}

function checkCacheStatus(sample, runs, what, prefix) {
  const unexpected = runs.find(({ first }) => !first.startsWith(prefix));
  if (unexpected) throw new Error(`${sample.name}: a ${what} start began with "${unexpected.first}"`);
}

export async function startup(browser, page, sample, host, purge, runs = RUNS) {
  const [cold, warm] = [[], []];
  for (let run = 0; run < runs.cold; run++) {
    await purge();
    cold.push(await measureStart(browser, page, sample, host));
  }
  for (let run = 0; run < runs.warm; run++) warm.push(await measureStart(browser, page, sample, host));
  checkCacheStatus(sample, cold, "cold", "JettySpeed; fwd=miss");
  checkCacheStatus(sample, warm, "warm", "JettySpeed; hit");
  return { cold: summary(cold), warm: summary(warm) };
}

// Warm starts of a page that asks at once for all whole files that a player asked for until its first frame.
export async function startupAhead(browser, page, sample, host, runs = RUNS) {
  const { files } = await measureStart(browser, page, sample, host);
  const told = [];
  for (let run = 0; run < runs.warm; run++) told.push(await measureStart(browser, page, sample, host, files));
  return summary(told);
}
