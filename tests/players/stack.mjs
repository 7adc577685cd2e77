// Starts the store and the Worker as `script/server` does, but without the second workerd of `wrangler dev`, with fresh state and on free ports.
import fs from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { repositoryPath, ROOT } from "./places.mjs";
import { environment, runOrThrow, start, stop } from "./processes.mjs";

const READY_MS = 240_000;

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startStack() {
  const state = await fs.mkdtemp(path.join(os.tmpdir(), "jettyspeed-players-"));
  const [port, originPort] = [await freePort(), await freePort()];
  // Without LYVE_ENDPOINT, so that a test does not write to the developer's store.
  const { LYVE_ENDPOINT: _, ...clean } = environment;
  const env = { ...clean, RUNNER: "miniflare", STATE_DIR: state, PORT: String(port), ORIGIN_PORT: String(originPort) };
  const child = start(repositoryPath("target/debug/jettyspeed-server"), [], { cwd: ROOT, env });
  let output = "";
  child.stderr.on("data", (text) => (output += text));
  try {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the stack is not ready after ${READY_MS / 1000} s\n${output}`)), READY_MS);
      child.once("error", (error) => reject(new Error(`jettyspeed-server: ${error.message}`)));
      child.once("exit", (code) => reject(new Error(`the stack stopped: exit ${code}\n${output}`)));
      readline.createInterface({ input: child.stdout }).on("line", (line) => {
        output += `${line}\n`;
        if (line.includes("ready after")) resolve(clearTimeout(timer));
      });
    });
    const dev = JSON.parse(await fs.readFile(path.join(state, "dev.json"), "utf8"));
    return new Stack(child, state, dev);
  } catch (error) {
    await stop(child);
    await fs.rm(state, { recursive: true, force: true });
    throw error;
  }
}

class Stack {
  constructor(child, state, dev) {
    Object.assign(this, { child, state, dev });
    this.host = new URL(dev.url).host;
    this.env = { ...environment, JETTY_URL: dev.url, JETTY_API_KEY: dev.account.apiKey, JETTY_API_SECRET: dev.account.apiSecret };
  }

  async jetty(...args) {
    return JSON.parse(await runOrThrow(repositoryPath("target/debug/jetty"), ["--json", ...args], { env: this.env }));
  }

  push(sample) {
    return this.jetty("video", "push", sample.folder, "--id", sample.name);
  }

  async playback(sample) {
    return (await this.jetty("video", "play", sample.name, "--path", sample.entry)).url;
  }

  // Empties the Worker's cache: every next request is a miss.
  async purge() {
    const url = `${this.dev.url}/api/portal/namespaces/${this.dev.account.namespace}/purge`;
    const response = await fetch(url, { method: "POST", headers: { Authorization: `Bearer ${this.dev.adminToken}` } });
    if (response.status !== 200) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
  }

  // The last lines of the Worker's log, for failures.
  async logTail() {
    const text = await fs.readFile(path.join(this.state, "logs/worker.log"), "utf8").catch(() => "");
    return text.split("\n").filter((line) => line.trim()).slice(-20).join("\n");
  }

  async stop() {
    await stop(this.child);
    await fs.rm(this.state, { recursive: true, force: true });
  }
}
