// Serves one Worker through Miniflare's own API, without `wrangler dev` in between: node miniflare.mjs CONFIG.json
// {port, state, ready, modules: [[name, path]] (the first is the main one), vars, db, objects: {BINDING: class}, sql?}
// With sql its statements are run in D1 first. The file `ready` appears, with the versions in it, as soon as the Worker can be called.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Log, LogLevel, Miniflare } from "miniflare";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const modules = Object.fromEntries(
  config.modules.map(([name, path]) => {
    const wasm = path.endsWith(".wasm");
    return [name, { type: wasm ? "wasm" : "esm", contents: readFileSync(path, wasm ? undefined : "utf8") }];
  }),
);
const env = Object.fromEntries(Object.entries(config.vars).map(([name, value]) => [name, { type: "text", value }]));
const exports = {};
if (config.db) {
  env.DB = { type: "d1", id: "bench" };
}
for (const [binding, exportName] of Object.entries(config.objects)) {
  env[binding] = { type: "durable-object", worker: "bench", exportName };
  exports[exportName] = { type: "durable-object", storage: "sqlite" };
}
const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: config.port,
  // Request logging would be most of what a bare Worker does.
  logRequests: false,
  log: new Log(LogLevel.WARN),
  // Otherwise fetched from the network.
  cf: false,
  telemetry: { enabled: false },
  resourcePersistencePath: config.state,
  workers: [
    {
      config: {
        name: "bench",
        compatibilityDate: "2026-11-01",
        manifest: { mainModule: config.modules[0][0], modulesRoot: "/", modules },
        env,
        exports,
      },
    },
  ],
});
await miniflare.ready;
if (config.sql) {
  const db = await miniflare.getD1Database("DB");
  await db.prepare(config.sql).run();
}
const require = createRequire(import.meta.url);
const version = (name) => JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")).version;
writeFileSync(`${config.ready}.new`, `Miniflare ${version("miniflare")}, workerd ${version("workerd")}`);
renameSync(`${config.ready}.new`, config.ready);
process.on("SIGTERM", async () => {
  await miniflare.dispose();
  process.exit(0);
});
