import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { CopyButton } from "../../ui/copy.js";
import { Dialog } from "../../ui/dialog.js";
import { Form, TextField } from "../../ui/form.js";
import { errorText } from "../../ui/states.js";
import { dismiss, toast } from "../../ui/toast.js";
import { get, patch } from "../../lib/api.js";
import { deleteLater, UNDO_MS } from "../../lib/files/deleting.js";
import { ownPath } from "../../lib/files/kinds.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { useAction } from "../../lib/query.js";

export const linkOf = (file) => get("/api/storage/download", { assetId: file.id });
const failed = (error) => toast(errorText(error), { tone: "bad" });

/** Gives a URL or text to the browser as a file. */
export function saveAs(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

async function download(file) {
  const { url } = await linkOf(file);
  const path = ownPath(url, location.origin);
  if (path) saveAs(path, file.name);
}

/** Downloads the signed receipt of a file. */
export async function downloadReceipt(file) {
  const receipt = await get(`/api/storage/files/${file.id}/receipt`);
  const url = URL.createObjectURL(new Blob([JSON.stringify(receipt, null, 2)], { type: "application/json" }));
  saveAs(url, `${file.name}.receipt.json`);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Deletes with a way back, and says so. */
export function deleteFile(file, onDone) {
  const undo = deleteLater(file, {
    done: () => {
      dismiss(message);
      onDone();
    },
    failed: (error) => toast(t("files.deleteFailed", { name: file.name, why: errorText(error) }), { tone: "bad" }),
  });
  const message = toast(t("files.deleted", { name: file.name }), { ms: UNDO_MS, action: { label: t("action.undo"), act: undo } });
}

/**
 * What can be done with a file, and the dialogs for it.
 * @param {() => void} onChange called when a file has another name or is gone
 */
export function useFileActions(onChange) {
  const [dialog, setDialog] = useState(null);
  const copyLink = async (file) => {
    const link = await linkOf(file);
    try {
      await navigator.clipboard.writeText(link.url);
      toast(t("files.linkCopied", { time: format.time(link.expiresAt) }), { tone: "good" });
    } catch {
      setDialog({ kind: "link", file, link });
    }
  };
  const close = () => setDialog(null);
  const dialogs = dialog && (dialog.kind === "link" ? html`<${LinkDialog} ...${dialog} onClose=${close} />` : html`<${RenameDialog} file=${dialog.file} onClose=${close} onDone=${onChange} />`);
  return {
    dialogs,
    download: (file) => download(file).catch(failed),
    copyLink: (file) => copyLink(file).catch(failed),
    receipt: (file) => downloadReceipt(file).catch(failed),
    rename: (file) => setDialog({ kind: "rename", file }),
    remove: (file) => deleteFile(file, onChange),
  };
}

function LinkDialog({ file, link, onClose }) {
  return html`<${Dialog} title=${t("files.linkTitle", { name: file.name })} onClose=${onClose}>
    <p class="weak">${t("files.linkText", { time: format.dateTime(link.expiresAt) })}</p>
    <div class="copy-line"><input class="input code" readonly value=${link.url} aria-label=${t("files.linkTitle", { name: file.name })} onFocus=${(event) => event.currentTarget.select()} /><${CopyButton} kind="plain" text=${link.url} /></div>
  </${Dialog}>`;
}

function RenameDialog({ file, onClose, onDone }) {
  const [name, setName] = useState(file.name);
  const save = useAction(async () => {
    await patch(`/api/storage/files/${file.id}`, { fileName: name });
    toast(t("files.renamed"), { tone: "good" });
    onDone();
    onClose();
  });
  return html`<${Dialog} title=${t("files.renameTitle")} onClose=${onClose}>
    <${Form} onSubmit=${save.run} error=${save.error} fields=${["fileName"]}>
      <${TextField} label=${t("files.newName")} name="fileName" error=${save.error} value=${name} onInput=${setName} maxlength="1024" spellcheck=${false} />
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${save.busy} disabled=${!name || name === file.name}>${t("action.save")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}
