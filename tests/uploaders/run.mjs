// Tests clients of resumable uploads that people use, as they are, against the whole stack: script/test --uploaders. Argument: the Python that has tuspy.
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { launch } from "../players/browser.mjs";
import { repositoryPath } from "../players/places.mjs";
import { runOrThrow, stopAll } from "../players/processes.mjs";
import { startStack } from "../players/stack.mjs";

const MB = 1_000_000;
const python = process.argv[2];

// The pages are of another origin than the Worker: every request is subject to CORS.
async function servePage() {
  const bundle = await build({ entryPoints: [repositoryPath("tests/uploaders/page/page.js")], bundle: true, format: "esm", write: false, logLevel: "error" });
  const files = {
    "/": ["text/html; charset=utf-8", await fs.readFile(repositoryPath("tests/uploaders/page/index.html"))],
    "/page.js": ["text/javascript; charset=utf-8", bundle.outputFiles[0].contents],
  };
  const server = http.createServer((request, response) => {
    const file = files[request.url];
    if (!file) return response.writeHead(404).end();
    return response.writeHead(200, { "Content-Type": file[0] }).end(file[1]);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => (server.closeAllConnections(), server.close()) };
}

const equal = (found, expected, what) => {
  if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`);
};

async function main(stack, browser, page) {
  const account = stack.dev.account;
  const endpoint = `${stack.dev.url}/tus`;
  const headers = { Authorization: `Bearer ${account.apiKey}`, "X-API-Secret": account.apiSecret };

  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "jettyspeed-uploaders-"));
  // The file of an upload has these bytes.
  const stored = async (url, sha256, what) => {
    const upload = await fetch(url, { method: "HEAD", headers: { ...headers, "Tus-Resumable": "1.0.0" } });
    const id = upload.headers.get("jetty-file-id");
    if (!id) throw new Error(`${what}: HEAD ${upload.status} names no file`);
    const file = path.join(folder, id);
    await stack.jetty("download", id, "-o", file);
    equal(createHash("sha256").update(await fs.readFile(file)).digest("hex"), sha256, what);
  };

  const open = async (context) => {
    const tab = await context.newPage();
    await tab.goto(page.url);
    await tab.waitForFunction(() => window.tus && window.uppy);
    return tab;
  };

  const tests = {
    async "tus-js-client in Chromium, in chunks"() {
      const tab = await open(await browser.newContext());
      const file = { name: "chunks.bin", size: 20 * MB, seed: 1 };
      const done = await tab.evaluate((said) => window.tus(said), { endpoint, account, file, options: { chunkSize: 3 * MB } });
      await stored(done.url, done.sha256, "chunks");
    },
    async "tus-js-client in Chromium, in one request"() {
      const tab = await open(await browser.newContext());
      const file = { name: "one.bin", size: 20 * MB, seed: 2 };
      const done = await tab.evaluate((said) => window.tus(said), { endpoint, account, file, options: {} });
      await stored(done.url, done.sha256, "one request");
    },
    async "tus-js-client in Chromium, four uploads at once"() {
      const tab = await open(await browser.newContext());
      const file = { name: "parallel.bin", size: 21 * MB + 7, seed: 4 };
      const done = await tab.evaluate((said) => window.tus(said), { endpoint, account, file, options: { parallelUploads: 4 } });
      await stored(done.url, done.sha256, "four at once");
    },
    async "tus-js-client in Chromium goes on after the page was reloaded"() {
      const context = await browser.newContext();
      const tab = await open(context);
      const said = { endpoint, account, file: { name: "reloaded.bin", size: 24 * MB, seed: 3 }, options: { chunkSize: 4 * MB } };
      const first = await tab.evaluate((said) => window.tus(said), { ...said, stopAt: 12 * MB });
      await tab.reload();
      await tab.waitForFunction(() => window.tus);
      const second = await tab.evaluate((said) => window.tus(said), said);
      equal(second.url, first.url, "the same upload");
      if (!(second.from >= 12 * MB)) throw new Error(`it went on at ${second.from}`);
      await stored(second.url, second.sha256, "reloaded");
    },
    async "Uppy in Chromium, five files at once"() {
      const tab = await open(await browser.newContext());
      const files = [0, 1, 300_000, 6 * MB, 17 * MB].map((size, n) => ({ name: `uppy ${n} ü.bin`, size, seed: 10 + n }));
      const done = await tab.evaluate((said) => window.uppy(said), { endpoint, account, files, options: {} });
      for (const [n, { url, sha256 }] of done.entries()) {
        // An empty file is complete at once, and there is no upload to ask.
        if (files[n].size > 0) await stored(url, sha256, files[n].name);
      }
    },
    async "Uppy in Chromium, in chunks"() {
      const tab = await open(await browser.newContext());
      const files = [{ name: "uppy chunks.bin", size: 11 * MB, seed: 20 }];
      const done = await tab.evaluate((said) => window.uppy(said), { endpoint, account, files, options: { chunkSize: 2 * MB } });
      await stored(done[0].url, done[0].sha256, "Uppy in chunks");
    },
    async "tuspy, with and without checksums, in two goes"() {
      const bytes = randomBytes(13 * MB);
      await fs.writeFile(path.join(folder, "file"), bytes);
      for (const checksum of ["no", "yes"]) {
        const said = [repositoryPath("tests/uploaders/tuspy_upload.py"), endpoint, account.apiKey, account.apiSecret, path.join(folder, "file"), checksum];
        const url = (await runOrThrow(python, said)).trim();
        await stored(url, createHash("sha256").update(bytes).digest("hex"), `tuspy, checksum: ${checksum}`);
      }
    },
  };
  for (const [name, test] of Object.entries(tests)) {
    const begun = performance.now();
    await test();
    console.log(`ok ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  }
  await fs.rm(folder, { recursive: true });
}

let stack, browser, page;
try {
  stack = await startStack();
  browser = await launch();
  page = await servePage();
  await main(stack, browser, page);
} catch (error) {
  console.error(error);
  const tail = await stack?.logTail();
  if (tail) console.error(`the Worker's log ends so:\n${tail}\n`);
  process.exitCode = 1;
}
page?.stop();
await browser?.close();
await stack?.stop();
await stopAll();
