import { html, useEffect, useState } from "../../ui/html.js";
import { Skeleton } from "../../ui/states.js";
import { LIMITS, ownPath, previewOf } from "../../lib/files/kinds.js";
import { t } from "../../lib/i18n.js";
import { linkOf } from "./actions.js";

/** Shows a picture, text, PDF, sound or film; for other files a sentence. */
export function Preview({ file }) {
  const kind = previewOf(file);
  if (kind === "none") return null;
  if (kind === "too-large") return html`<p class="preview-note">${t("files.tooLarge")}</p>`;
  return html`<div class=${`preview preview-${kind}`}><${Loaded} file=${file} kind=${kind} /></div>`;
}

function Loaded({ file, kind }) {
  const [state, setState] = useState({ phase: "loading" });
  useEffect(() => {
    let gone = false;
    let blobUrl = null;
    const load = async () => {
      const path = ownPath((await linkOf(file)).url, location.origin);
      if (!path) throw new Error("another host");
      if (kind === "text") return { text: await textOf(path) };
      if (kind !== "pdf") return { url: path };
      // The file itself comes with a sandbox, in which browsers show no PDF. The type is ours, so nothing in it runs as a page.
      blobUrl = URL.createObjectURL(new Blob([await (await answered(path)).arrayBuffer()], { type: "application/pdf" }));
      return { url: blobUrl };
    };
    load().then(
      (got) => (gone ? blobUrl && URL.revokeObjectURL(blobUrl) : setState({ phase: "ready", ...got })),
      () => gone || setState({ phase: "failed" }),
    );
    return () => {
      gone = true;
      if (blobUrl) URL.revokeObjectURL(blobUrl);
    };
  }, [file.id, kind]);

  const broken = () => setState({ phase: "failed" });
  if (state.phase === "loading") return html`<${Skeleton} lines=${1} height=${160} />`;
  if (state.phase === "failed") return html`<p class="preview-note">${t("files.previewFailed")}</p>`;
  if (kind === "text") return html`<pre tabindex="0" aria-label=${t("files.preview")}>${state.text}</pre>`;
  if (kind === "image") return html`<img src=${state.url} alt=${t("files.preview")} onError=${broken} />`;
  if (kind === "pdf") return html`<iframe src=${state.url} title=${t("files.preview")}></iframe>`;
  if (kind === "audio") return html`<audio src=${state.url} controls preload="metadata" onError=${broken}></audio>`;
  return html`<video src=${state.url} controls preload="metadata" playsinline onError=${broken}></video>`;
}

async function answered(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

const textOf = async (path) => (await (await answered(path)).text()).slice(0, LIMITS.text);
