// The Worker as it is deployed, and `/flood?account=…&from=…&until=…`, which sends the longest messages of these numbers to those who listen to that account.
import Edge from "edge";

export * from "edge";

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    if (url.pathname !== "/flood") return new Edge(context, env).fetch(request);
    const feed = env.LIVE.get(env.LIVE.idFromName(url.searchParams.get("account")));
    for (let number = Number(url.searchParams.get("from")); number < Number(url.searchParams.get("until")); number++) {
      const body = JSON.stringify({ type: "flood", number, filler: "x".repeat(4000) });
      await feed.fetch("https://object/", { method: "POST", body });
    }
    return new Response("{}");
  },
  queue(batch, env, context) {
    return new Edge(context, env).queue(batch);
  },
};
