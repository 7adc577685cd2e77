// Simulates a distant client: bytes arrive in order and half a round trip later, and a new connection takes a round trip before its first byte.
import net from "node:net";

export const ROUND_TRIP_MS = 40;
const ONE_WAY_MS = ROUND_TRIP_MS / 2;

function delayed(from, to, connected) {
  // Timers of equal length may fire a millisecond early or late, hence out of order. So each timer sends the oldest chunk of the queue, not its own.
  const queue = [];
  const delay = (act) => {
    queue.push(act);
    const ready = Math.max(performance.now() + ONE_WAY_MS, connected + ONE_WAY_MS);
    setTimeout(() => queue.shift()(), ready - performance.now());
  };
  from.on("data", (chunk) => delay(() => to.writable && to.write(chunk)));
  from.on("end", () => delay(() => to.end()));
  from.on("error", () => delay(() => to.destroy()));
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
    // The handshake with the relay takes no time; a distant client could not send a byte before one round trip.
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
