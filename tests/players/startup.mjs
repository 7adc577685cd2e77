// How long from the wish to play to the first frame: cold, when the PoP has nothing of it, and warm, when somebody has watched it.
import { visit } from "./browser.mjs";

const COLD_RUNS = 3;
const WARM_RUNS = 7;
// SPEC: "video start of 2-3 s (-> < 500 ms)", over 40 ms of round trip.
export const LIMIT_MS = 500;

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const once = (browser, page, { name, entry }, host) =>
  visit(browser, page, async (tab, answers) => {
    const { ms, steps } = await tab.evaluate((wanted) => player.startup(wanted), { host, name, entry });
    return { ms, steps, first: answers[0]?.cache ?? "no Cache-Status" };
  });

function summary(runs) {
  const all = runs.map(({ ms }) => ms);
  const steps = Object.fromEntries(Object.keys(runs[0].steps).map((step) => [step, median(runs.map((run) => run.steps[step]))]));
  return { median_ms: median(all), least_ms: Math.min(...all), most_ms: Math.max(...all), runs: all.length, steps_ms: steps };
}

function must(sample, runs, what, prefix) {
  const other = runs.find(({ first }) => !first.startsWith(prefix));
  if (other) throw new Error(`${sample.name}: a ${what} start began with "${other.first}"`);
}

export async function startup(browser, page, sample, host, purge) {
  const [cold, warm] = [[], []];
  for (let run = 0; run < COLD_RUNS; run++) {
    await purge();
    cold.push(await once(browser, page, sample, host));
  }
  for (let run = 0; run < WARM_RUNS; run++) warm.push(await once(browser, page, sample, host));
  must(sample, cold, "cold", "JettySpeed; fwd=miss");
  must(sample, warm, "warm", "JettySpeed; hit");
  return { cold: summary(cold), warm: summary(warm) };
}
