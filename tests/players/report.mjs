// Prints the results as tables and writes them as JSON.
import fs from "node:fs/promises";
import { repositoryPath } from "./places.mjs";
import { ROUND_TRIP_MS } from "./relay.mjs";

const ms = (number) => number.toFixed(0);
const percent = (share) => `${(share * 100).toFixed(1)} %`;

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) console.log(`  ${row.map((cell, column) => String(cell).padEnd(widths[column])).join("  ")}`.trimEnd());
}

export function printTables({ samples, startup, relay_adds_ms, chromium, load }) {
  console.log(`\nStartup, playback request to first frame, ms: median (least-most). ${chromium}, hls.js, Miniflare;`);
  console.log(`the relay's round trip is ${ROUND_TRIP_MS} ms (a request and its answer take ${relay_adds_ms.toFixed(1)} ms more than without it); load up to ${load.toFixed(1)}:\n`);
  const cell = ({ median_ms, least_ms, most_ms }) => `${ms(median_ms)} (${ms(least_ms)}-${ms(most_ms)})`;
  table([
    ["sample", "loopback cold", "loopback warm", "relay cold", "relay warm"],
    ...Object.entries(startup).map(([name, { loopback, relay }]) => [name, ...[loopback.cold, loopback.warm, relay.cold, relay.warm].map(cell)]),
  ]);
  console.log("\nPlayed in order: segments that were in the cache when they were asked for; dropped frames at twice the speed; seeks:\n");
  table([
    ["sample", "first run", "warm run", "dropped", "seeks, ms", ""],
    ...samples.map(({ name, what, play, sequence: { cold, warm } }) => {
      const dropped = `${warm.frames.dropped} of ${warm.frames.total}`;
      return [name, percent(cold.share), percent(warm.share), dropped, play.seek_ms.map(ms).join(" "), what];
    }),
  ]);
  console.log();
}

export async function writeResults(results) {
  await fs.mkdir(repositoryPath("bench-results"), { recursive: true });
  await fs.writeFile(repositoryPath("bench-results/players.json"), `${JSON.stringify(results, null, 2)}\n`);
}
