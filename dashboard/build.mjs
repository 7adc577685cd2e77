// Bundles the dashboard into public/dashboard/, which the Worker serves as it is. Does nothing if the sources have not changed since the last time.
//   --force   builds even so
//   --watch   builds again on every save, until it is ended
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";

const SOURCES = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.dirname(SOURCES);
const TARGET = path.join(ROOT, "public/dashboard");
// Left beside the target, so that it is not served.
const STAMP = path.join(ROOT, "target/dashboard.fingerprint");

// Bytes, gzipped, of all files together, and of those that a page needs before it shows anything.
const BUDGET = { all: 150_000, first: 75_000 };
// A player that is loaded only when a video is opened has a budget of its own.
const PLAYER_BUDGET = 120_000;
const FIRST = ["index.html", "app.css", "app.js"];

const options = {
  entryPoints: {
    app: path.join(SOURCES, "main.js"),
    style: path.join(SOURCES, "style/app.css"),
    hashes: path.join(SOURCES, "lib/upload/hash-worker.js"),
    chart: path.join(SOURCES, "lib/chart-library.js"),
    "operator-texts": path.join(SOURCES, "texts/operator.js"),
    map: path.join(SOURCES, "map/data.js"),
    player: path.join(SOURCES, "lib/player-library.js"),
  },
  outdir: TARGET,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  charset: "utf8",
  // The libraries are entries of their own, not imports: with splitting, what they share with the page would be one more file before the first paint.
  external: ["/dashboard/*"],
  logLevel: "warning",
};

const files = (folder) =>
  fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const at = path.join(folder, entry.name);
    return entry.isDirectory() ? files(at) : [at];
  });

function fingerprint() {
  const hash = createHash("sha256");
  const sources = files(SOURCES).filter((file) => !file.includes("/tests/")).sort();
  for (const file of [...sources, path.join(ROOT, "package-lock.json")]) hash.update(file).update("\0").update(fs.readFileSync(file));
  return hash.digest("hex");
}

const built = () => FIRST.every((name) => fs.existsSync(path.join(TARGET, name)));
const kept = () => (fs.existsSync(STAMP) ? fs.readFileSync(STAMP, "utf8") : "");

function copy() {
  fs.copyFileSync(path.join(SOURCES, "index.html"), path.join(TARGET, "index.html"));
  // The style sheet has the name of the page, like its script.
  fs.renameSync(path.join(TARGET, "style.css"), path.join(TARGET, "app.css"));
}

/** @returns {{all: number, first: number, player: number}} gzipped bytes of what was built; `all` without the player. */
function measure() {
  const sizes = { all: 0, first: 0, player: 0 };
  for (const name of fs.readdirSync(TARGET)) {
    const size = gzipSync(fs.readFileSync(path.join(TARGET, name)), { level: 9 }).length;
    if (name === "player.js") {
      sizes.player = size;
      continue;
    }
    sizes.all += size;
    if (FIRST.includes(name)) sizes.first += size;
  }
  return sizes;
}

function check() {
  const { all, first, player } = measure();
  console.log(`public/dashboard: ${all} bytes gzipped (budget ${BUDGET.all}), ${first} before the first paint (${BUDGET.first}), player ${player} (${PLAYER_BUDGET})`);
  return all <= BUDGET.all && first <= BUDGET.first && player <= PLAYER_BUDGET;
}

async function build() {
  fs.rmSync(STAMP, { force: true });
  fs.rmSync(TARGET, { recursive: true, force: true });
  fs.mkdirSync(TARGET, { recursive: true });
  await esbuild.build(options);
  copy();
  if (!check()) throw new Error("the dashboard is over its budget (dashboard/build.mjs)");
  fs.mkdirSync(path.dirname(STAMP), { recursive: true });
  fs.writeFileSync(STAMP, fingerprint());
}

const fresh = () => built() && kept() === fingerprint();

async function watch() {
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (fresh() ? undefined : build().catch((error) => console.error(error.message))), 100);
  };
  fs.watch(SOURCES, { recursive: true }, again);
}

const mode = process.argv[2];
try {
  if (mode === "--force" || !fresh()) await build();
  else console.log("public/dashboard is fresh");
  if (mode === "--watch") await watch();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
