// The peer of the JSON API: the least that a Worker can do with a request.
const ANSWER = JSON.stringify({ id: "00000000-0000-4000-8000-000000000000", name: "bench.bin", size: 12345 });
export default {
  fetch() {
    return new Response(ANSWER, { headers: { "content-type": "application/json" } });
  },
};
