// 100 MB from cached slices with minimal JavaScript: the upper bound that the runtime allows.
const SLICE = 5 * 1024 * 1024;
const SIZE = 100_000_000;
const COUNT = Math.ceil(SIZE / SLICE);
const headers = { "cache-control": "max-age=3600", "content-type": "application/octet-stream" };
const key = (index) => `https://cache.invalid/${index}`;

export default {
  async fetch(request, env, context) {
    let next = await caches.default.match(key(0));
    if (!next) {
      for (let index = 0; index < COUNT; index++) {
        const bytes = new Uint8Array(Math.min(SLICE, SIZE - index * SLICE));
        await caches.default.put(key(index), new Response(bytes, { headers: { ...headers, "content-length": String(bytes.length) } }));
      }
      next = caches.default.match(key(0));
    }
    const stream = new FixedLengthStream(SIZE);
    const pump = async () => {
      for (let index = 0; index < COUNT; index++) {
        const slice = await next;
        if (index + 1 < COUNT) next = caches.default.match(key(index + 1));
        await slice.body.pipeTo(stream.writable, { preventClose: true });
      }
      await stream.writable.close();
    };
    context.waitUntil(pump());
    return new Response(stream.readable, { headers });
  },
};
