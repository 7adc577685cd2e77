// The peer of the chunk path: the least that a Worker can do with an upload.
export default {
  async fetch(request, env) {
    return fetch(env.SINK, { method: "PUT", body: request.body });
  },
};
