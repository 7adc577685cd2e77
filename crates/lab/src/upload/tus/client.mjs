// Sends a file as tus-js-client does by default, one PATCH: node client.mjs URL FILE
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, path] = process.argv.slice(2);
const failed = (error) => {
  console.error(String(error));
  process.exitCode = 1;
};
new Upload(createReadStream(path), { endpoint, uploadSize: statSync(path).size, onError: failed }).start();
