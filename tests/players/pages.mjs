// Serves the player's page from an origin of its own, so that all requests for the stream are cross-origin. Also the page's backend: it has the account's
// credentials, which a browser must not have, and requests playback URLs from the Worker over the network path that is measured.
import fs from "node:fs/promises";
import http from "node:http";
import { repositoryPath } from "./places.mjs";

const files = {
  "/": ["tests/players/page/index.html", "text/html; charset=utf-8"],
  "/player.js": ["tests/players/page/player.js", "text/javascript; charset=utf-8"],
  "/hls.js": ["node_modules/hls.js/dist/hls.min.js", "text/javascript; charset=utf-8"],
};

async function playback(query, { apiKey, apiSecret }) {
  const [host, name, path] = ["host", "name", "entry"].map((key) => query.get(key));
  const headers = { Authorization: `Bearer ${apiKey}`, "X-API-Secret": apiSecret, "Content-Type": "application/json" };
  const answer = await fetch(`http://${host}/api/video/${name}/playback`, { method: "POST", headers, body: JSON.stringify({ path }) });
  if (answer.status !== 200) throw new Error(`playback: ${answer.status} ${await answer.text()}`);
  const url = new URL((await answer.json()).url);
  // The Worker builds the URL from its own host name; the measured path may go through the relay.
  url.host = host;
  return url.href;
}

export async function servePages(account) {
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://page");
    if (pathname === "/playback") {
      const [status, text] = await playback(searchParams, account).then((url) => [200, url], (error) => [502, error.message]);
      return response.writeHead(status, { "Content-Type": "text/plain", "Cache-Control": "no-store" }).end(text);
    }
    const file = files[request.url];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": file[1], "Cache-Control": "no-store" }).end(await fs.readFile(repositoryPath(file[0])));
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
}
