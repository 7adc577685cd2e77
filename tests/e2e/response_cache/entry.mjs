// The Worker as it is deployed, with a KV that refuses the writes of a second, as Cloudflare's does (a local one takes all of them): the first `X-Refuse-Writes`
// writes of a request fail.
import Edge from "edge";

export * from "edge";

export default {
  async fetch(request, env, context) {
    let left = Number(request.headers.get("X-Refuse-Writes") ?? 0);
    const refusing = {
      async put(...write) {
        if (left-- > 0) throw new Error("KV PUT failed: 429 Too Many Requests");
        return env.CONTENT.put(...write);
      },
      getWithMetadata: (...read) => env.CONTENT.getWithMetadata(...read),
      list: (...read) => env.CONTENT.list(...read),
      delete: (...key) => env.CONTENT.delete(...key),
    };
    const withRefusing = new Proxy(env, { get: (of, name) => (name === "CONTENT" ? refusing : of[name]) });
    return new Edge(context, withRefusing).fetch(request);
  },
  queue(batch, env, context) {
    return new Edge(context, env).queue(batch);
  },
};
