// A client that is far away: bytes arrive later by half a round trip, in order, and a connection costs a round trip before its first byte.
import net from "node:net";

export const ROUND_TRIP_MS = 40;
const ONE_WAY_MS = ROUND_TRIP_MS / 2;

function delayed(from, to, connected) {
  // Timers of the same length may fire early and late by a millisecond: what goes out is the oldest, whoever rings.
  const line = [];
  const later = (act) => {
    line.push(act);
    const ready = Math.max(performance.now() + ONE_WAY_MS, connected + ONE_WAY_MS);
    setTimeout(() => line.shift()(), ready - performance.now());
  };
  from.on("data", (chunk) => later(() => to.writable && to.write(chunk)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => later(() => to.destroy()));
}

export async function startRelay(host) {
  const target = new URL(`http://${host}`);
  const sockets = new Set();
  const server = net.createServer({ noDelay: true }, (client) => {
    const origin = net.connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    for (const socket of [client, origin]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
    // The handshake was with us, at once: the client could not have sent a byte before a round trip was over.
    delayed(client, origin, performance.now() + ROUND_TRIP_MS);
    delayed(origin, client, 0);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  return {
    host: `127.0.0.1:${server.address().port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        sockets.forEach((socket) => socket.destroy());
      }),
  };
}
