// Time that the platform takes, in this harness, for the calls that GET /api/storage/files/{id} makes: /object, /query, /both.
import { DurableObject } from "cloudflare:workers";

const ANSWER = JSON.stringify({ id: "00000000-0000-4000-8000-000000000000", name: "bench.bin", size: 12345 });
let account;

export class Counter extends DurableObject {
  count = 0;
  async fetch(request) {
    await request.text();
    this.count += 1;
    return new Response(JSON.stringify({ count: this.count }));
  }
}

async function call(env) {
  const answer = await env.COUNTERS.getByName("bench").fetch("https://object/", { method: "POST", body: '{"admit":{}}' });
  await answer.json();
}

async function query(env) {
  account ??= await env.DB.prepare("SELECT account_id FROM assets WHERE id = ?1").bind(env.ASSET).first("account_id");
  const { results } = await env.DB.prepare(env.QUERY).bind(env.ASSET, account).all();
  if (results.length !== 1) throw new Error(`${results.length} rows`);
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname !== "/query") await call(env);
    if (pathname !== "/object") await query(env);
    return new Response(ANSWER, { headers: { "content-type": "application/json" } });
  },
};
