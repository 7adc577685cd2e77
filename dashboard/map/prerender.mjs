// Writes land.js and places.js, which are committed: the packages behind them are needed for this alone. `node dashboard/map/prerender.mjs`
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import { project, SCALE, SOUTH } from "./projection.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

// Rings that lie wholly south of the map, which is Antarctica.
const isShown = ([ring]) => ring.some(([, lat]) => lat > SOUTH);

/** The coast lines of the world as the `d` of one path, in whole units, each ring by differences. */
export function land() {
  const atlas = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("world-atlas/land-110m.json"), "utf8"));
  const { features } = feature(atlas, atlas.objects.land);
  const coordinates = features.flatMap(({ geometry }) => (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates)).filter(isShown);
  const rings = [];
  const context = {
    moveTo: (x, y) => rings.push([[Math.round(x), Math.round(y)]]),
    lineTo: (x, y) => rings.at(-1).push([Math.round(x), Math.round(y)]),
    closePath() {},
  };
  // d3's own form of the projection, because it cuts at the 180th meridian.
  const projection = geoNaturalEarth1().scale(SCALE).translate(project(0, 0)).precision(3);
  geoPath(projection, context)({ type: "MultiPolygon", coordinates });
  return rings.map(ringPath).join("");
}

function ringPath(ring) {
  const [first, ...rest] = ring.filter((point, index) => index === 0 || point.some((value, axis) => value !== ring[index - 1][axis]));
  if (rest.length < 3) return "";
  let [x, y] = first;
  const steps = rest.slice(0, -1).map(([nextX, nextY]) => {
    const step = `${nextX - x} ${nextY - y}`.replace(" -", "-");
    [x, y] = [nextX, nextY];
    return step;
  });
  return `M${first.join(" ")}l${steps.join(" ").replaceAll(" -", "-")}z`;
}

/** The middles of countries that the Worker ranks edges by, as `DE51.2,10.5 …`. */
export function places() {
  const lines = readFileSync(here("../../src/edges/places/countries.txt"), "utf8").split("\n").filter((line) => /^[A-Z]{2} /.test(line));
  return lines.map((line) => line.split(" ")).map(([code, , lat, lon]) => `${code}${lat},${lon}`).join(" ");
}

export const files = () => ({
  "land.js": `// Written by prerender.mjs from Natural Earth's land at 1:110,000,000 (public domain).\nexport const LAND =\n  "${land()}";\n`,
  "places.js": `// Written by prerender.mjs from src/edges/places/countries.txt.\nexport const PLACES =\n  "${places()}";\n`,
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(files())) writeFileSync(here(name), text);
}
