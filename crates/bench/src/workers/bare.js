// The peer: the least a Worker can do with an upload.
export default {
  async fetch(request, env) {
    return fetch(env.SINK, { method: "PUT", body: request.body });
  },
};
