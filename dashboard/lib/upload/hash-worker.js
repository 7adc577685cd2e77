// SHA-256 of slices of files, away from the page's thread. Messages: {id, blob}; answers: {id, hash} in hex or {id, error}.
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

self.onmessage = async ({ data: { id, blob } }) => {
  try {
    const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
    self.postMessage({ id, hash: hex(digest) });
  } catch (error) {
    // A file that was changed, moved or is not readable any more.
    self.postMessage({ id, error: error.name });
  }
};
