// `script/bench compare`: the figures of two builds that were measured in turn, as medians over the runs, and the median of the ratios run by run.
import { readdirSync, readFileSync } from "node:fs";

const kind = process.argv[2];
const folder = "bench-results/compare";
const runs = { other: [], this: [] };
for (const file of readdirSync(folder).sort()) {
  const match = file.match(/^(\w+)-(other|this)-\d+\.json$/);
  if (match?.[1] === kind) {
    const figures = JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
    runs[match[2]].push(new Map(figures.map((figure) => [figure.name, figure])));
  }
}
const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
console.log(`${"figure".padEnd(72)} ${"other".padStart(10)} ${"this".padStart(10)}  this/other, median of ${runs.this.length} runs (least-most)`);
for (const name of runs.this[0].keys()) {
  const values = (side) => runs[side].map((run) => run.get(name)?.value).filter((value) => value !== undefined);
  const [other, ours] = [values("other"), values("this")];
  const ratios = ours.map((value, run) => value / other[run]).filter(Number.isFinite);
  if (ratios.length === 0) continue;
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
  console.log(`${name.padEnd(72)} ${median(other).toFixed(2).padStart(10)} ${median(ours).toFixed(2).padStart(10)}  ${median(ratios).toFixed(3)} (${least}-${most})`);
}
