// The common solution: the Cache API and nothing else.
export default {
  async fetch(request, env, context) {
    const hit = await caches.default.match(request);
    if (hit) return hit;
    const answer = await fetch(env.ORIGIN + new URL(request.url).pathname);
    const headers = { "cache-control": "max-age=3600", "content-type": "application/octet-stream" };
    const response = new Response(await answer.arrayBuffer(), { headers });
    context.waitUntil(caches.default.put(request, response.clone()));
    return response;
  },
};
