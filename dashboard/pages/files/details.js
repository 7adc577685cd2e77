import { html } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { CopyButton } from "../../ui/copy.js";
import { Dialog } from "../../ui/dialog.js";
import { Facts } from "../../ui/page.js";
import { Await } from "../../ui/states.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { useQuery } from "../../lib/query.js";
import { Verification } from "./list.js";
import { Preview } from "./preview.js";

/** A panel with everything about one file. `known` is the file as the list has it. */
export function Details({ id, known, actions, onClose }) {
  const query = useQuery(`/api/storage/files/${encodeURIComponent(id)}`);
  const shown = query.data?.asset ?? known;
  return html`<${Dialog} side title=${shown?.name ?? t("files.details")} onClose=${onClose}>
    ${shown ? html`<${Content} file=${shown} actions=${actions} onClose=${onClose} />` : html`<${Await} query=${query}>${({ asset }) => html`<${Content} file=${asset} actions=${actions} onClose=${onClose} />`}</${Await}>`}
  </${Dialog}>`;
}

function Content({ file, actions, onClose }) {
  const remove = () => {
    onClose();
    actions.remove(file);
  };
  return html`<${Preview} file=${file} />
    <div class="page-actions">
      <${Button} kind="primary" icon="download" onClick=${() => actions.download(file)}>${t("files.download")}</${Button}>
      <${Button} icon="link" onClick=${() => actions.copyLink(file)}>${t("files.copyLink")}</${Button}>
      <${Button} icon="edit" onClick=${() => actions.rename(file)}>${t("files.rename")}</${Button}>
      <${Button} icon="shield" onClick=${() => actions.receipt(file)}>${t("files.receipt")}</${Button}>
      <${Button} kind="danger" icon="trash" onClick=${remove}>${t("action.delete")}</${Button}>
    </div>
    <${Facts} entries=${[
      [t("files.size"), `${format.bytes(file.size)} (${format.count(file.size)} B)`],
      [t("files.type"), file.contentType],
      [t("files.state"), html`<${Verification} file=${file} />`],
      [t("files.reason"), file.verificationReason],
      [t("files.created"), format.dateTime(file.createdAt)],
      [t("files.namespace"), file.namespace],
      [t("files.hash"), file.sha256 && html`<${Copyable} text=${file.sha256} label=${t("files.copyHash")} />`],
      [t("files.id"), html`<${Copyable} text=${file.id} label=${t("files.copyId")} />`],
    ]} />`;
}

const Copyable = ({ text, label }) => html`<span class="copyable"><code>${text}</code><${CopyButton} text=${text} label=${label} /></span>`;
