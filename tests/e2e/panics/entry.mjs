// The Worker as it is deployed, with one more route: it runs the Worker's own `scheduled` with an event whose `cron` cannot be read. The crate `worker` unwraps
// that value, so Rust panics inside the production module, in which there is no code for it.
import Edge from "edge";

export * from "edge";

const event = {
  get cron() {
    throw new Error("provoked by a test");
  },
  scheduledTime: 0,
};

export default {
  async fetch(request, env, context) {
    const edge = new Edge(context, env);
    if (new URL(request.url).pathname !== "/test/panic") return edge.fetch(request);
    // A panic in a future leaves its promise pending for ever.
    const call = edge.scheduled(event).then(() => "returned", (error) => `threw ${error}`);
    return new Response(await Promise.race([call, scheduler.wait(500).then(() => "pending")]));
  },
  queue(batch, env, context) {
    return new Edge(context, env).queue(batch);
  },
};
