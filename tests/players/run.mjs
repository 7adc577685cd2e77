// Tests real players against the whole stack: script/test --players. Arguments: names of the samples to test; all without arguments.
import os from "node:os";
import { launch } from "./browser.mjs";
import { servePages } from "./pages.mjs";
import { play } from "./playing.mjs";
import { stopAll } from "./processes.mjs";
import { readThrough } from "./readers.mjs";
import { startRelay } from "./relay.mjs";
import { printTables, writeResults } from "./report.mjs";
import { samples } from "./samples.mjs";
import { sequence } from "./sequence.mjs";
import { startStack } from "./stack.mjs";
import { LIMIT_MS, median, startup } from "./startup.mjs";

// Stopped in the reverse order of starting.
const stops = [];
async function started(resource, stop = () => resource.stop()) {
  stops.unshift(stop);
  return resource;
}

let stopping;
function stopEverything() {
  stopping ??= (async () => {
    for (const stop of stops) await stop().catch((error) => console.error(`while stopping: ${error.message}`));
    await stopAll();
  })();
  return stopping;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => stopEverything().finally(() => process.exit(130)));
}

const begun = performance.now();
const log = (text) => console.log(`\x1b[1m==>\x1b[0m ${text} (at ${((performance.now() - begun) / 1000).toFixed(0)} s)`);

// The time that the relay adds to a request on an open connection, ms.
async function relayAdds(direct, relayed) {
  const time = async (host) => {
    const times = [];
    for (let n = 0; n < 15; n++) {
      const from = performance.now();
      await (await fetch(`http://${host}/api/health`)).text();
      if (n > 0) times.push(performance.now() - from);
    }
    return median(times);
  };
  return (await time(relayed)) - (await time(direct));
}

async function test(stack, films) {
  const page = await started(await servePages(stack.dev.account));
  const relay = await started(await startRelay(stack.host));
  const browser = await launch();
  await started(browser, () => browser.close());
  const purge = () => stack.purge();

  const results = { at: new Date().toISOString(), harness: "Miniflare", chromium: `Chromium ${browser.version()}`, samples: [], startup: {} };
  results.relay_adds_ms = await relayAdds(stack.host, relay.host);
  for (const film of films) {
    log(`${film.name}: ${film.what}`);
    await stack.push(film);
    const url = await stack.playback(film);
    const packets = await readThrough(film, url);
    const played = await play(browser, page.url, film, url);
    results.samples.push({ name: film.name, what: film.what, packets, play: played, sequence: await sequence(browser, page.url, film, url, purge) });
  }
  // The load is reported beside the times, because they are not comparable when the machine is busy.
  const recordLoad = () => (results.load = Math.max(results.load, os.loadavg()[0]));
  results.load = os.loadavg()[0];
  for (const film of films) {
    log(`${film.name}: startup`);
    const measure = (host) => startup(browser, page.url, film, host, purge);
    results.startup[film.name] = { loopback: await measure(stack.host), relay: await measure(relay.host) };
    recordLoad();
  }
  return results;
}

function slowStarts(results) {
  const slow = Object.entries(results.startup).filter(([, { relay }]) => relay.warm.median_ms >= LIMIT_MS);
  return slow.map(([name, { relay }]) => `${name}: warm start through the relay takes ${relay.warm.median_ms.toFixed(0)} ms, the limit is ${LIMIT_MS} (load ${results.load.toFixed(1)} on ${os.availableParallelism()} cores)`);
}

let failed = [];
let stack;
try {
  log("creating missing samples");
  const only = process.argv.slice(2);
  const films = (await samples()).filter(({ name }) => only.length === 0 || only.includes(name));
  log("starting the store and the Worker");
  stack = await started(await startStack());
  const results = await test(stack, films);
  failed = slowStarts(results);
  await writeResults({ ...results, failed });
  printTables(results);
} catch (error) {
  // A signal stops the stack and fails the running test with it: wait for the exit instead of reporting that.
  if (stopping) await new Promise(() => {});
  failed = [error.message];
  const tail = await stack?.logTail();
  if (tail) console.error(`the Worker's log ends so:\n${tail}\n`);
}
await stopEverything();
for (const line of failed) console.error(`error: ${line}`);
if (failed.length === 0) log("real players: all passed");
process.exitCode = failed.length === 0 ? 0 : 1;
