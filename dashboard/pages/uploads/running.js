import { html, useEffect, useRef, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Bar } from "../../ui/bar.js";
import { Button } from "../../ui/button.js";
import { Confirm } from "../../ui/dialog.js";
import { toast } from "../../ui/toast.js";
import { post } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { useAction, useQuery } from "../../lib/query.js";
import { adoptSession, dismissTransfer, giveFile } from "../../lib/upload/queue.js";
import { edgesOf, PartsMap } from "../transfers/parts-map.js";

const PARTS_MS = 2_000;

/** One upload that another browser or program sends: how far it is, and what can be done about it. */
export function Running({ row, live, onEnd }) {
  const [asking, setAsking] = useState(false);
  const state = useQuery(`/api/jetty/cache-chunk?sessionId=${encodeURIComponent(row.sessionId)}`);
  useParts(state.reload, live?.parts);
  const stored = new Map((state.data?.completed ?? []).map(({ partNumber, edge }) => [partNumber, edge]));
  const bytes = Math.max(live?.bytes ?? 0, state.data?.bytesUploaded ?? 0);
  const give = useAction(async () => {
    await post("/api/jetty/track-upload", { action: "fail", sessionId: row.sessionId });
    setAsking(false);
    onEnd();
  });
  return html`<li class="panel transfer">
    <div class="transfer-head"><span class="transfer-name">${row.fileName}</span><span class="transfer-actions">
      <${GoOn} row=${row} /><${Button} kind="quiet" icon="close" label=${t("transfers.cancel")} onClick=${() => setAsking(true)} /></span></div>
    <${Bar} value=${bytes} of=${row.fileSize} label=${row.fileName} />
    <p class="transfer-line"><span>${t("transfers.amount", { sent: format.bytes(bytes), size: format.bytes(row.fileSize) })} · ${live?.rate ? t("uploads.moving", { rate: format.rate(live.rate), left: format.duration(live.left) }) : t("uploads.since", { when: format.relative(row.createdAt) })}</span>
      <span class="transfer-edges">${edgesOf(stored).map(([edge, n]) => html`<${Badge} key=${edge}>${edge === "copy" ? t("transfers.copied") : edge} ${n}</${Badge}>`)}</span></p>
    <${PartsMap} count=${row.chunkCount} stored=${stored} />
    ${asking && html`<${Confirm} title=${t("transfers.cancelTitle")} action=${t("transfers.cancel")} danger busy=${give.busy} error=${give.error} onConfirm=${give.run} onClose=${() => setAsking(false)}><p>${t("transfers.cancelText", { name: row.fileName })}</p></${Confirm}>`}
  </li>`;
}

/** The map is asked for again when parts came, but not with every one of them. */
function useParts(reload, parts) {
  const last = useRef(0);
  useEffect(() => {
    if (parts === undefined) return undefined;
    const timer = setTimeout(() => {
      last.current = Date.now();
      reload();
    }, Math.max(0, last.current + PARTS_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [parts, reload]);
}

/** Goes on here with an upload that was begun elsewhere, with the same file. */
function GoOn({ row }) {
  const input = useRef(null);
  const picked = (event) => {
    const [file] = event.currentTarget.files;
    event.currentTarget.value = "";
    if (!file) return;
    const transfer = adoptSession(row);
    if (giveFile(transfer, file)) return;
    dismissTransfer(transfer);
    toast(t("transfers.otherFile", { name: row.fileName }), { tone: "bad" });
  };
  return html`<${Button} kind="quiet" icon="play" label=${t("uploads.goOnHere")} onClick=${() => input.current.click()} /><input type="file" class="only-read" tabindex="-1" aria-hidden="true" ref=${input} onChange=${picked} />`;
}
