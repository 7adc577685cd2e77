// Runs in the page: what people embed, as it is.
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";
import { Upload } from "tus-js-client";

const headers = ({ apiKey, apiSecret }) => ({ Authorization: `Bearer ${apiKey}`, "X-API-Secret": apiSecret });

// The same bytes in every page with the same seed, so that a page that was reloaded can go on.
function fileOf({ name, size, seed }) {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return new File([bytes], name, { type: "application/x-uploaded", lastModified: 1_700_000_000_000 });
}

async function digest(file) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// tus-js-client; an earlier upload of the same file is gone on with. `stopAt` leaves it once so many bytes are accepted.
window.tus = async ({ endpoint, account, file: wanted, options, stopAt }) => {
  const file = fileOf(wanted);
  let from = null;
  const url = await new Promise((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint,
      headers: headers(account),
      metadata: { filename: file.name, filetype: file.type },
      retryDelays: [0, 500, 1000, 2000, 4000, 8000],
      ...options,
      onError: reject,
      onSuccess: () => resolve(upload.url),
      onChunkComplete: (sent, accepted) => {
        from ??= accepted - sent;
        if (stopAt && accepted >= stopAt) upload.abort().then(() => resolve(upload.url), reject);
      },
    });
    upload.findPreviousUploads().then((earlier) => {
      if (earlier.length > 0) upload.resumeFromPreviousUpload(earlier[0]);
      upload.start();
    }, reject);
  });
  return { url, from, sha256: await digest(file) };
};

window.uppy = async ({ endpoint, account, files: wanted, options }) => {
  const uppy = new Uppy().use(Tus, { endpoint, headers: headers(account), ...options });
  const files = wanted.map(fileOf);
  for (const file of files) uppy.addFile({ name: file.name, type: file.type, data: file });
  const { successful, failed } = await uppy.upload();
  if (failed.length > 0) throw new Error(failed.map((file) => `${file.name}: ${file.error}`).join("; "));
  const stored = [];
  for (const file of files) {
    stored.push({ url: successful.find(({ name }) => name === file.name).uploadURL, sha256: await digest(file) });
  }
  return stored;
};
