// Sends a file with tus-js-client: node client.mjs JSON of {endpoint, path, options, stopAt}. Prints the upload's URL.
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const { endpoint, path, options, stopAt } = JSON.parse(process.argv[2]);
const failed = (error) => {
  console.error(String(error));
  process.exit(1);
};
let stopped = false;
const source = createReadStream(path);
const upload = new Upload(source, {
  endpoint,
  // With parallel uploads the client takes a size that is given for that of each.
  uploadSize: options.parallelUploads ? undefined : statSync(path).size,
  metadata: { filename: "client.bin", filetype: "application/x-client" },
  retryDelays: [0, 500, 1000, 2000, 4000, 8000],
  ...options,
  onError: failed,
  onProgress: (sent) => {
    if (stopAt && sent >= stopAt && upload.url && !stopped) {
      stopped = true;
      process.stdout.write(upload.url, () => process.exit(0));
    }
  },
  onSuccess: () => process.stdout.write(upload.url),
});
upload.start();
