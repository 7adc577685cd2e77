// `script/edges`: of the edges that name a region, a deployment of this Worker for each region.
//   node edges.mjs write ROWS OUT DOMAIN     ROWS: the answer of GET /api/edges; OUT: the configuration for Wrangler. Prints the environments, one a line.
//   node edges.mjs register ROWS DOMAIN      tells the deployment at JETTY_URL the addresses, with ADMIN_TOKEN
import { readFileSync, writeFileSync } from "node:fs";

const die = (text) => {
  console.error(text);
  process.exit(1);
};

/** What an environment inherits, or has of its own, of the main deployment: all else is the same. */
const OWN = ["name", "routes", "route", "placement", "migrations", "triggers", "durable_objects", "queues", "env"];
const INHERITED = ["main", "compatibility_date", "compatibility_flags", "workers_dev", "build", "observability", "limits", "assets"];

/**
 * The host of an edge: that of its address if it has one, else its id in the domain.
 * @param {{id: string, url: string | null}} edge
 */
const hostOf = (edge, domain) => {
  if (edge.url) {
    const { protocol, host, hostname } = new URL(edge.url);
    return protocol === "https:" && host === hostname ? host : die(`edge ${edge.id}: ${edge.url} can not be the route of a Worker: https://host is wanted`);
  }
  return domain ? `${edge.id.toLowerCase()}.${domain}` : die(`edge ${edge.id} has no address: give it one, or give --domain`);
};

/** Edges that are to have a deployment, in the order of their ids. */
export const placedOf = (rows, domain) =>
  rows
    .filter(({ region, status }) => region && status !== "disabled")
    .map((edge) => ({ ...edge, host: hostOf(edge, domain) }))
    .sort((one, other) => (one.id < other.id ? -1 : 1));

/**
 * The configuration of all: the main one, which is not to be deployed from here, with an environment for each region.
 * @param {object} main wrangler.toml as it is
 * @param {{region: string, host: string}[]} placed
 */
export function configOf(main, placed) {
  const regions = Map.groupBy(placed, ({ region }) => region);
  const shared = Object.fromEntries(Object.entries(main).filter(([key]) => !OWN.includes(key) && !INHERITED.includes(key)));
  const objects = main.durable_objects.bindings.map((binding) => ({ ...binding, script_name: binding.script_name ?? main.name }));
  const environment = ([region, edges]) => {
    const name = region.replaceAll(":", "-");
    return [
      name,
      {
        name: `${main.name}-${name}`,
        placement: { region },
        routes: edges.map(({ host }) => ({ pattern: host, custom_domain: true })),
        migrations: [],
        triggers: { crons: [] },
        durable_objects: { bindings: objects },
        queues: { producers: main.queues.producers },
        ...shared,
      },
    ];
  };
  const { env: _, route: __, routes: ___, ...base } = main;
  return { ...base, env: Object.fromEntries([...regions].map(environment)) };
}

async function register(placed) {
  const { JETTY_URL: base, ADMIN_TOKEN: token } = process.env;
  for (const { id, url, host } of placed) {
    const wanted = `https://${host}`;
    if (url === wanted) continue;
    const answer = await fetch(`${base}/api/portal/edges/${id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ url: wanted }),
    });
    if (!answer.ok) die(`edge ${id}: ${answer.status}: ${await answer.text()}`);
    console.log(`${id} is ${wanted}`);
  }
}

const [mode, rowsPath, ...rest] = process.argv.slice(2);
if (mode === "write") {
  const [out, domain] = rest;
  const placed = placedOf(JSON.parse(readFileSync(rowsPath, "utf8")), domain);
  if (placed.length === 0) die("no edge names a region: docs/edges.md, Edges that are deployments");
  const { experimental_readRawConfig } = await import("wrangler");
  const config = configOf(experimental_readRawConfig({ config: "wrangler.toml" }).rawConfig, placed);
  writeFileSync(out, `${JSON.stringify(config, null, 2)}\n`);
  for (const name of Object.keys(config.env)) console.log(name);
} else if (mode === "register") {
  await register(placedOf(JSON.parse(readFileSync(rowsPath, "utf8")), rest[0]));
}
