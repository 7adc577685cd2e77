// Serves the player's page: an origin of its own, so that every byte of the stream comes cross-origin.
import fs from "node:fs/promises";
import http from "node:http";
import { at } from "./places.mjs";

const files = {
  "/": ["tests/players/page/index.html", "text/html; charset=utf-8"],
  "/player.js": ["tests/players/page/player.js", "text/javascript; charset=utf-8"],
  "/hls.js": ["node_modules/hls.js/dist/hls.min.js", "text/javascript; charset=utf-8"],
};

export async function servePages() {
  const server = http.createServer(async (request, response) => {
    const file = files[request.url];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": file[1], "Cache-Control": "no-store" }).end(await fs.readFile(at(file[0])));
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
}
