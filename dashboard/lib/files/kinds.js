// What can be shown of a file, by its media type and size.
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml", "image/bmp", "image/x-icon"];
const TEXTS = ["application/json", "application/xml", "application/javascript", "application/x-yaml", "application/toml", "application/sql"];

/** Bytes. */
export const LIMITS = { text: 1_000_000, image: 25_000_000, pdf: 25_000_000 };

/** @returns {"image" | "text" | "pdf" | "audio" | "video" | "archive" | "other"} */
export function kindOf(contentType) {
  const type = (contentType ?? "").split(";")[0].trim().toLowerCase();
  if (IMAGES.includes(type)) return "image";
  if (type === "application/pdf") return "pdf";
  if (type.startsWith("text/") || TEXTS.includes(type) || type.endsWith("+json") || type.endsWith("+xml")) return "text";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("video/")) return "video";
  return /zip|tar|gzip|compressed/.test(type) ? "archive" : "other";
}

/** @returns {"image" | "text" | "pdf" | "audio" | "video" | "none" | "too-large"} how to preview an asset */
export function previewOf({ contentType, size }) {
  const kind = kindOf(contentType);
  if (kind === "archive" || kind === "other") return "none";
  return size > (LIMITS[kind] ?? Infinity) ? "too-large" : kind;
}

/**
 * The path of a URL that the API gave, for use in this page; null if it does not lead to this host.
 * @param {string} origin of the page
 */
export function ownPath(url, origin) {
  try {
    const parsed = new URL(url, origin);
    return /^https?:$/.test(parsed.protocol) && parsed.origin === origin ? parsed.pathname + parsed.search : null;
  } catch {
    return null;
  }
}
