import { html, useEffect, useMemo } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { Icon } from "../../ui/icons.js";
import { Menu } from "../../ui/menu.js";
import { Await, Empty, Skeleton } from "../../ui/states.js";
import { More, Table } from "../../ui/table.js";
import { getAll, withQuery } from "../../lib/api.js";
import { hidden } from "../../lib/files/deleting.js";
import { countByHash } from "../../lib/files/duplicates.js";
import { kindOf } from "../../lib/files/kinds.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { usePages } from "../../lib/query.js";
import { href, navigate, setQuery } from "../../lib/router.js";
import { sorted } from "../../lib/sort.js";
import { useStore } from "../../lib/store.js";
import { onFinished } from "../../lib/upload/queue.js";
import { useFileActions } from "./actions.js";
import { Details } from "./details.js";

const SORTS = ["name", "size", "created"];
// `none` is nothing to worry about unless there is a reason for it: then the bytes could not be read.
const toneOf = ({ verification, verificationReason }) => ({ verified: "good", mismatch: "bad", none: verificationReason ? "warn" : "neutral" })[verification] ?? "neutral";
const ICONS = { image: "image", audio: "audio", video: "video" };
const AGAIN_MS = 5_000;
const PAGE = 50;
const MOST_BY_SIZE = 2_000;

/** The list of files, a page at a time. */
export function FileList({ query, open }) {
  const sort = { by: SORTS.includes(query.sort) ? query.sort : "created", order: query.order === "asc" ? "asc" : query.order === "desc" ? "desc" : query.sort === "name" ? "asc" : "desc" };
  const path = withQuery("/api/storage/files", { limit: PAGE, search: query.search, sort: sort.by, order: sort.order });
  const pages = usePages(path, "files", { load: sort.by === "size" ? (signal) => bySize(query.search, sort.order, signal) : undefined });
  const gone = useStore(hidden);
  const rows = useMemo(() => pages.rows.filter(({ id }) => !gone.has(id)), [pages.rows, gone]);
  const counts = useMemo(() => countByHash(rows), [rows]);
  const actions = useFileActions(pages.reload);
  useEffect(() => onFinished(pages.reload), [pages.reload]);
  useVerdicts(rows, pages.reload, pages.rows.length <= PAGE);

  const show = (file) => navigate(["files", file.id], query);
  const close = () => navigate("files", query);
  return html`<${Await} query=${pages} skeleton=${html`<div class="panel"><${Skeleton} lines=${8} height=${28} /></div>`}>${() =>
      rows.length === 0
        ? html`<${NoFiles} search=${query.search} />`
        : html`<${Table} caption=${t("files.caption")} columns=${columnsOf({ counts, actions, query, show })} rows=${rows} rowKey=${({ id }) => id} sort=${sort} onSort=${({ by, order }) => setQuery({ sort: by, order })} />
          <${More} pages=${pages} />`}
    </${Await}>
    ${open && html`<${Details} key=${open} id=${open} known=${pages.rows.find(({ id }) => id === open)} actions=${actions} onClose=${close} />`}
    ${actions.dialogs}`;
}

/** The service does not sort by size: here it is done for as many files as can be asked for at once. */
async function bySize(search, order, signal) {
  const files = await getAll("/api/storage/files", "files", { search }, { most: MOST_BY_SIZE, signal });
  return { files: sorted(files, ({ size }) => size, order), cursor: null };
}

/** Files are checked some seconds after they came: their verdicts are looked up until all are there, unless that would shorten a list that was made longer. */
function useVerdicts(rows, reload, isFirstPage) {
  const open = isFirstPage && rows.some(({ verification, createdAt }) => verification === "pending" && Date.now() - Date.parse(createdAt) < 120_000);
  useEffect(() => {
    if (!open) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [open, reload]);
}

function columnsOf({ counts, actions, query, show }) {
  return [
    {
      id: "name",
      label: t("files.name"),
      sortable: true,
      primary: true,
      render: (file) => html`<a class="file-name" href=${href(["files", file.id], query)}><${Icon} name=${ICONS[kindOf(file.contentType)] ?? "files"} /><span>${file.name}</span></a>`,
    },
    {
      id: "state",
      label: t("files.state"),
      render: (file) => html`<span class="badges"><${Verification} file=${file} />${counts.get(file.sha256) > 1 && html`<${Badge} tone="accent">${t("files.copies", { n: counts.get(file.sha256) })}</${Badge}>`}</span>`,
    },
    { id: "size", label: t("files.size"), sortable: true, align: "end", render: (file) => format.bytes(file.size) },
    { id: "created", label: t("files.created"), sortable: true, align: "end", render: (file) => html`<time datetime=${file.createdAt} title=${format.dateTime(file.createdAt)}>${format.dateTime(file.createdAt)}</time>` },
    {
      id: "actions",
      label: t("action.actions"),
      actions: true,
      render: (file) => html`<${Menu} label=${t("files.actionsOf", { name: file.name })} items=${[
        { label: t("files.details"), icon: "info", act: () => show(file) },
        { label: t("files.download"), icon: "download", act: () => actions.download(file) },
        { label: t("files.copyLink"), icon: "link", act: () => actions.copyLink(file) },
        { label: t("files.rename"), icon: "edit", act: () => actions.rename(file) },
        { label: t("action.delete"), icon: "trash", danger: true, act: () => actions.remove(file) },
      ]} />`,
    },
  ];
}

/** What is known about the bytes of a file. */
export const Verification = ({ file }) => html`<${Badge} tone=${toneOf(file)}>${t(`files.verification.${file.verification}`)}</${Badge}>`;

function NoFiles({ search }) {
  if (!search) return html`<${Empty} icon="files" title=${t("files.emptyTitle")} text=${t("files.emptyText")} />`;
  return html`<${Empty} icon="search" title=${t("files.noMatch", { search })}><${Button} onClick=${() => setQuery({ search: null })}>${t("files.clearSearch")}</${Button}></${Empty}>`;
}
