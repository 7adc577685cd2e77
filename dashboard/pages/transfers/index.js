import { html, useEffect, useRef, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Bar } from "../../ui/bar.js";
import { Button } from "../../ui/button.js";
import { Failure } from "../../ui/states.js";
import { toast } from "../../ui/toast.js";
import { Confirm } from "../../ui/dialog.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { useAction } from "../../lib/query.js";
import { useStore } from "../../lib/store.js";
import { cancelTransfer, dismissEnded, dismissTransfer, giveFile, isBusy, isEnded, pauseTransfer, recallTransfers, reopen, resumeTransfer, transfers } from "../../lib/upload/queue.js";
import { edgesOf, PartsMap } from "./parts-map.js";

/** The files on their way from this browser; nothing if there are none. */
export function Transfers({ detailed = false }) {
  const list = useStore(transfers);
  useEffect(() => {
    recallTransfers();
  }, []);
  if (list.length === 0) return null;
  return html`<section class="transfers panel" aria-label=${t("transfers.title")}>
    <div class="transfers-head"><h2>${t("transfers.title")}</h2><${ClearButton} list=${list} /></div>
    <ul>${list.map((transfer) => html`<${Row} key=${transfer.id} transfer=${transfer} detailed=${detailed} />`)}</ul>
  </section>`;
}

/** Takes those that have ended off the list; there as long as one has. */
function ClearButton({ list }) {
  const [, again] = useState(0);
  useEffect(() => {
    const ends = list.map(({ state }) => state.subscribe(({ phase }) => isEnded(phase) && again((n) => n + 1)));
    return () => ends.forEach((end) => end());
  }, [list]);
  return list.some(({ state }) => isEnded(state.get().phase)) ? html`<${Button} kind="quiet" onClick=${dismissEnded}>${t("transfers.clear")}</${Button}>` : null;
}

function Row({ transfer, detailed }) {
  const state = useStore(transfer.state);
  const { phase, sent, hashed, error, parts } = state;
  const [asking, setAsking] = useState(false);
  const cancel = useAction(() => cancelTransfer(transfer));
  const value = phase === "hashing" ? hashed : phase === "done" ? transfer.size : sent;
  const tone = phase === "failed" ? "bad" : phase === "done" ? "good" : "accent";
  return html`<li class="transfer" data-phase=${phase}>
    <div class="transfer-head">
      <span class="transfer-name">${transfer.name}</span>
      <span class="transfer-actions"><${Actions} transfer=${transfer} phase=${phase} onCancel=${() => (transfer.session ? setAsking(true) : cancel.run())} /></span>
    </div>
    <${Bar} value=${phase === "done" ? 1 : value} of=${phase === "done" ? 1 : transfer.size} tone=${tone} label=${transfer.name} text=${t(`transfers.${phase}`)} />
    <p class="transfer-line"><span>${line(transfer, state)}</span>${detailed && parts && html`<span class="transfer-edges">${edgesOf(parts.stored).map(([edge, n]) => html`<${Badge} key=${edge}>${edge === "copy" ? t("transfers.copied") : edge} ${n}</${Badge}>`)}</span>`}</p>
    ${detailed && parts && html`<${PartsMap} count=${parts.count} stored=${parts.stored} flying=${parts.flying} />`}
    ${error && html`<${Failure} compact error=${error} />`}
    ${asking && html`<${Confirm} title=${t("transfers.cancelTitle")} action=${t("transfers.cancel")} danger busy=${cancel.busy} error=${cancel.error} onConfirm=${cancel.run} onClose=${() => setAsking(false)}><p>${t("transfers.cancelText", { name: transfer.name })}</p></${Confirm}>`}
  </li>`;
}

function line(transfer, { phase, sent, rate, left, duplicate }) {
  if (phase === "done") return t(duplicate ? "transfers.duplicate" : "transfers.doneLine", { size: format.bytes(transfer.size) });
  const amount = t("transfers.amount", { sent: format.bytes(sent), size: format.bytes(transfer.size) });
  if (phase === "sending" && rate) return t("transfers.sendingLine", { amount, rate: format.rate(rate), left: format.duration(left) });
  return `${t(`transfers.${phase}`)} · ${phase === "hashing" || phase === "waiting" ? format.bytes(transfer.size) : amount}`;
}

function Actions({ transfer, phase, onCancel }) {
  if (phase === "needs-file") return html`<${PickAgain} transfer=${transfer} /><${Button} kind="quiet" icon="close" label=${t("transfers.cancel")} onClick=${onCancel} />`;
  if (phase === "done" || phase === "cancelled") return html`<${Button} kind="quiet" icon="close" label=${t("action.close")} onClick=${() => dismissTransfer(transfer)} />`;
  return html`
    ${isBusy(phase) && phase !== "completing" && html`<${Button} kind="quiet" icon="pause" label=${t("transfers.pause")} onClick=${() => pauseTransfer(transfer)} />`}
    ${phase === "paused" && html`<${Button} kind="quiet" icon="play" label=${t("transfers.resume")} onClick=${() => resumeTransfer(transfer)} />`}
    ${phase === "failed" && html`<${Button} kind="quiet" icon="retry" label=${t("action.retry")} onClick=${() => resumeTransfer(transfer)} />`}
    ${phase !== "completing" && html`<${Button} kind="quiet" icon="close" label=${t("transfers.cancel")} onClick=${onCancel} />`}`;
}

/** After a reload: the handle of the file if the browser has one, else the same file once more. */
function PickAgain({ transfer }) {
  const input = useRef(null);
  const pick = async () => {
    if (transfer.handle && (await reopen(transfer))) return;
    input.current.click();
  };
  const picked = (event) => {
    const [file] = event.currentTarget.files;
    event.currentTarget.value = "";
    if (file && !giveFile(transfer, file)) toast(t("transfers.otherFile", { name: transfer.name }), { tone: "bad" });
  };
  return html`<${Button} icon="play" onClick=${pick}>${t("transfers.continue")}</${Button}><input type="file" class="only-read" tabindex="-1" aria-hidden="true" ref=${input} onChange=${picked} />`;
}
