import { html, useMemo } from "../../ui/html.js";
import { Await, Empty } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { getAll } from "../../lib/api.js";
import { hidden } from "../../lib/files/deleting.js";
import { duplicatesOf } from "../../lib/files/duplicates.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { useQuery } from "../../lib/query.js";
import { href, navigate } from "../../lib/router.js";
import { useStore } from "../../lib/store.js";
import { useFileActions } from "./actions.js";
import { Details } from "./details.js";

const MOST = 5_000;

/** Files with the same content, and what it saves that they are stored once. */
export function Duplicates({ query, open }) {
  const all = useQuery("duplicates", { load: (signal) => getAll("/api/storage/files", "files", {}, { most: MOST, signal }) });
  const gone = useStore(hidden);
  const groups = useMemo(() => duplicatesOf((all.data ?? []).filter(({ id }) => !gone.has(id))), [all.data, gone]);
  const actions = useFileActions(all.reload);
  const columns = [
    { id: "content", label: t("files.content"), primary: true, render: (group) => html`<ul class="copies">${group.files.map((file) => html`<li key=${file.id}><a href=${href(["files", file.id], query)}>${file.name}</a></li>`)}</ul>` },
    { id: "copies", label: t("files.copiesColumn"), align: "end", render: (group) => format.count(group.files.length) },
    { id: "size", label: t("files.size"), align: "end", render: (group) => format.bytes(group.size) },
    { id: "saved", label: t("files.saved"), align: "end", render: (group) => format.bytes(group.saved) },
  ];
  return html`<${Await} query=${all}>${(files) =>
      groups.length === 0
        ? html`<${Empty} icon="duplicate" title=${t("files.noDuplicates")} text=${t("files.noDuplicatesText")} />`
        : html`<p class="files-note">${t("files.duplicatesSaved", { n: groups.length, bytes: format.bytes(groups.reduce((sum, { saved }) => sum + saved, 0)) })} ${files.length >= MOST && t("files.limited", { n: format.count(files.length) })}</p>
          <${Table} caption=${t("files.view.duplicates")} columns=${columns} rows=${groups} rowKey=${({ files: [first] }) => first.id} />`}
    </${Await}>
    ${open && html`<${Details} key=${open} id=${open} known=${all.data?.find(({ id }) => id === open)} actions=${actions} onClose=${() => navigate("files", query)} />`}
    ${actions.dialogs}`;
}
