// Opens sessions in the Durable Objects of the Worker beside it, so that the chunk path can be measured without D1, which bare workerd lacks.
export default {
  async fetch(request, env) {
    const session = new URL(request.url).searchParams.get("session");
    const stub = env.SESSIONS.get(env.SESSIONS.idFromName(session));
    return stub.fetch("https://session/", { method: "POST", body: await request.text() });
  },
};
