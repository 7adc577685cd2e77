// Handing a file to the browser's downloads.
import { call } from "./api.js";

/** Saves `blob` under `name`. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then; the address would keep the bytes in memory.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Saves the CSV form of an answer.
 * @param {string} path
 * @param {object} query
 * @param {string} name of the file
 */
export async function saveCsv(path, query, name) {
  const response = await call("GET", path, { query, headers: { accept: "text/csv" }, as: "response" });
  if (!response.ok) {
    // Once more as JSON, for the problem.
    await call("GET", path, { query });
    return;
  }
  save(await response.blob(), name);
}
