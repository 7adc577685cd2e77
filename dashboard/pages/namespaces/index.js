import { html, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { PageHeader } from "../../ui/page.js";
import { SearchField } from "../../ui/search-field.js";
import { Await, Empty, Skeleton } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { getAll } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { FEATURES } from "../../lib/namespace-form.js";
import { useQuery } from "../../lib/query.js";
import { href, navigate } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";
import { Editor } from "./editor.js";
import { Namespace } from "./namespace.js";

/** All namespaces; `#/namespaces/{name}` is one of them. */
export function Namespaces({ rest }) {
  return rest[0] ? html`<${Namespace} key=${rest[0]} name=${rest[0]} />` : html`<${List} />`;
}

function List() {
  const query = useQuery("/api/portal/namespaces?all", { load: (signal) => getAll("/api/portal/namespaces", "namespaces", {}, { signal }) });
  const [filter, setFilter] = useState("");
  const [adding, setAdding] = useState(false);
  const wanted = filter.trim().toLowerCase();
  const rows = (query.data ?? []).filter((one) => [one.name, one.display_name, ...one.tags].some((text) => text.toLowerCase().includes(wanted)));
  const empty = wanted
    ? html`<${Empty} icon="search" title=${t("namespaces.noneFound")} />`
    : html`<${Empty} icon="namespaces" title=${t("namespaces.none")}><${Button} kind="primary" icon="plus" onClick=${() => setAdding(true)}>${t("namespaces.add")}</${Button}></${Empty}>`;
  return html`<${PageHeader} title=${t("page.namespaces")} text=${t("namespaces.text")}>
      <${SearchField} label=${t("namespaces.filter")} placeholder=${t("namespaces.filter")} value=${filter} onInput=${setFilter} />
      <${Button} kind="primary" icon="plus" onClick=${() => setAdding(true)}>${t("namespaces.add")}</${Button}>
    </${PageHeader}>
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${8} height=${32} />`} isEmpty=${() => rows.length === 0} empty=${empty}>
      ${() => html`<${Table} caption=${t("page.namespaces")} columns=${columns()} rows=${rows} rowKey=${(one) => one.name} />`}
    </${Await}>
    ${adding && html`<${Editor} onClose=${() => setAdding(false)} onSaved=${(made) => navigate(["namespaces", made.name])} />`}`;
}

const columns = () => [
  { id: "name", label: t("namespaces.name"), primary: true, render: (one) => html`<span class="two"><a href=${href(["namespaces", one.name])}>${one.display_name || one.name}</a>${one.display_name && one.display_name !== one.name && html`<span class="weak">${one.name}</span>`}</span>` },
  { id: "tags", label: t("namespaces.tags"), render: (one) => one.tags.length === 0 ? html`<span class="weak">${format.UNKNOWN}</span>` : html`<span class="badges">${one.tags.map((tag) => html`<${Badge} key=${tag}>${tag}</${Badge}>`)}</span>` },
  { id: "features", label: t("namespaces.features"), render: (one) => html`<span class="weak">${FEATURES.filter((name) => one.features[name]).map((name) => t(`namespaces.${name}`)).join(", ") || format.UNKNOWN}</span>` },
  { id: "expected", label: t("namespaces.expected_hit_rate"), align: "end", render: (one) => (one.expected_hit_rate === null ? html`<span class="weak">${format.UNKNOWN}</span>` : format.percent(one.expected_hit_rate)) },
  { id: "since", label: t("namespaces.since"), align: "end", render: (one) => (Date.parse(one.created_at) > 0 ? format.date(one.created_at) : format.UNKNOWN) },
];
