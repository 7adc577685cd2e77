// The Worker in a real workerd with all bindings of wrangler.toml, through Miniflare's API: what `wrangler dev` runs, without its bundler and the
// second workerd in front.
//   node miniflare.mjs options WRANGLER_TOML MAIN OUT    what Wrangler makes of the configuration, as JSON; MAIN is the Worker's entry
//   node miniflare.mjs edges OPTIONS CONFIG OUT PORT…  these options, and a deployment beside it for each environment of CONFIG (script/edges), at these ports
//   node miniflare.mjs serve OPTIONS ENV_FILE STATE PORT
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";

const [mode, ...given] = process.argv.slice(2);
if (mode === "options") {
  const [configPath, main, out] = given;
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");
  const { workerOptions } = unstable_getMiniflareWorkerOptions(configPath);
  // Without the secrets of a developer's own server (.dev.vars): a served Worker has those of its env file and no others.
  workerOptions.bindings = unstable_readConfig({ config: configPath }).vars;
  writeFileSync(out, JSON.stringify({ main, workerOptions }));
  process.exit(0);
}

if (mode === "edges") {
  const [optionsPath, configPath, out, ...ports] = given;
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");
  const names = Object.keys(JSON.parse(readFileSync(configPath, "utf8")).env);
  const edges = names.map((name, index) => {
    const { workerOptions } = unstable_getMiniflareWorkerOptions(configPath, name);
    const { name: script, vars } = unstable_readConfig({ config: configPath, env: name });
    return { port: Number(ports[index]), workerOptions: { ...workerOptions, name: script, bindings: vars } };
  });
  writeFileSync(out, JSON.stringify({ ...JSON.parse(readFileSync(optionsPath, "utf8")), edges }));
  process.exit(0);
}

const [optionsPath, envFile, state, port] = given;
const { main, workerOptions, edges = [] } = JSON.parse(readFileSync(optionsPath, "utf8"));
const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import("miniflare");
const build = dirname(main);
// Static assets are a Worker of their own here: next to a Worker with assets, Miniflare puts two further ones in front of it, through which every body would pass.
const { assets, ...ownOptions } = workerOptions;
const { run_worker_first, routerConfig, ...assetOptions } = assets;
// Tests retry queue jobs sooner than production, and have a cache that takes everything and keeps nothing.
const { QUEUE_RETRY_SECONDS, CACHE_KEEPS_NOTHING, ...bindings } = parseEnv(readFileSync(envFile, "utf8"));
if (QUEUE_RETRY_SECONDS) {
  for (const consumer of Object.values(workerOptions.queueConsumers)) consumer.retryDelay = Number(QUEUE_RETRY_SECONDS);
}
const deployment = (options) => ({
  ...options,
  serviceBindings: { ...options.serviceBindings, [assets.binding]: "assets" },
  cacheAPI: !CACHE_KEEPS_NOTHING,
  bindings: { ...options.bindings, ...bindings },
  rootPath: build,
  modulesRoot: build,
  modules: [
    { type: "ESModule", path: main },
    { type: "CompiledWasm", path: join(build, "index_bg.wasm") },
  ],
});
const miniflare = new Miniflare(convertV4MiniflareOptions({
  // The lab (crates/lab) calls it from other network namespaces.
  host: process.env.LISTEN_HOST || "127.0.0.1",
  port: Number(port),
  logRequests: false,
  log: new Log(LogLevel.WARN),
  handleStructuredLogs: ({ message }) => process.stdout.write(`${message}\n`),
  // Otherwise fetched from the network. Requests set it with MF-CF-Blob.
  cf: false,
  unsafeTriggerHandlers: true,
  resourcePersistencePath: join(state, "v3"),
  resourceTmpPath: mkdtempSync(join(tmpdir(), "miniflare-")),
  workers: [
    deployment({ ...ownOptions, name: "jettyspeed-edge" }),
    // Each with an address of its own, past the Worker that Miniflare puts in front of the first.
    ...edges.map(({ port, workerOptions: { assets: _, ...options } }) =>
      deployment({ ...options, unsafeDirectSockets: [{ host: process.env.LISTEN_HOST || "127.0.0.1", port }] }),
    ),
    {
      name: "assets",
      modules: true,
      script: "export default {}",
      compatibilityDate: ownOptions.compatibilityDate,
      assets: { ...assetOptions, routerConfig: { has_user_worker: false } },
    },
  ],
}));
const stop = async () => {
  await miniflare.dispose();
  process.exit(0);
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
await miniflare.ready;
