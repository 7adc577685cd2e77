// The dashboard in Chromium against a stack of its own: `script/test --dashboard`. Arguments: only checks whose name contains one of them.
import fs from "node:fs/promises";
import { launch } from "../../../tests/players/browser.mjs";
import { startStack } from "../../../tests/players/stack.mjs";
import { PICTURES } from "./stage.mjs";
import * as account from "./account.mjs";
import * as files from "./files.mjs";
import * as overview from "./overview.mjs";
import * as keyboard from "./keyboard.mjs";
import * as operators from "./operators.mjs";
import * as pages from "./pages.mjs";
import * as signIn from "./sign-in.mjs";
import * as states from "./states.mjs";
import * as uploads from "./uploads.mjs";
import * as video from "./video.mjs";
import * as webhooks from "./webhooks.mjs";

const all = [signIn, overview, files, uploads, video, account, webhooks, operators, keyboard, states, pages].flatMap(({ checks }) => Object.entries(checks));
const wanted = process.argv.slice(2);
const checks = wanted.length ? all.filter(([name]) => wanted.some((part) => name.includes(part))) : all;

await fs.rm(PICTURES, { recursive: true, force: true });
const stack = await startStack();
const browser = await launch();
let failed = 0;
try {
  for (const [name, check] of checks) {
    const begun = Date.now();
    try {
      await check({ browser, stack });
      console.log(`ok      ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.error(`FAILED  ${name}\n${error.stack ?? error}`);
    }
  }
  if (failed > 0) console.error(await stack.logTail());
} finally {
  await browser.close();
  await stack.stop();
}
console.log(`${checks.length - failed} of ${checks.length} checks passed; pictures in ${PICTURES}`);
process.exitCode = failed > 0 || checks.length === 0 ? 1 : 0;
