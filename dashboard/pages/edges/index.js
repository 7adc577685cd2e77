import { html, useState } from "../../ui/html.js";
import { AwaitAll } from "../../ui/await-all.js";
import { Button } from "../../ui/button.js";
import { PageHeader, Section } from "../../ui/page.js";
import { Empty, errorText } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { get, patch } from "../../lib/api.js";
import { askEach } from "../../lib/edges.js";
import { useQuery } from "../../lib/query.js";
import { navigate } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";
import { columnsOf } from "./columns.js";
import { Disabling, Removal } from "./questions.js";
import { Edge } from "./edge.js";
import { Editor } from "./editor.js";
import { loadMap, WorldMap } from "./world-map.js";

const REFRESH_MS = 60_000;
// Each edge is asked for its measurements; a deployment of hundreds shows those of the first.
const MOST_ASKED = 60;
const DONE = { active: "edges.isActive", draining: "edges.isDraining", disabled: "edges.isDisabled" };

/** The edges on a map and in a table; `#/edges/{id}` are the measurements of one. */
export function Edges({ rest }) {
  return rest[0] ? html`<${Edge} key=${rest[0]} id=${rest[0]} />` : html`<${World} />`;
}

function World() {
  const edges = useQuery("/api/edges", { every: REFRESH_MS });
  const analytics = useQuery("/api/portal/analytics?period=24h", { every: REFRESH_MS });
  const names = edges.data?.slice(0, MOST_ASKED).map(({ id }) => id);
  const readings = useQuery(names ? `edges:${names.join()}` : null, {
    every: REFRESH_MS,
    load: (signal) => askEach(names, (id) => get(`/api/edges/${encodeURIComponent(id)}/metrics`, {}, { signal })),
  });
  const map = useQuery("map", { load: loadMap });
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const change = async (edge, status) => {
    await patch(`/api/portal/edges/${encodeURIComponent(edge.id)}`, { status });
    toast(t(DONE[status], { name: edge.name }), { tone: "good" });
    edges.reload();
  };
  const changeOrSay = (edge, status) => change(edge, status).catch((error) => toast(errorText(error), { tone: "bad" }));
  const done = () => {
    close();
    edges.reload();
  };
  const measured = readings.data ?? {};
  const shares = analytics.data?.by_edge ?? [];
  const columns = columnsOf({ edges: edges.data ?? [], measured, shares, open: (kind, edge) => setOpen({ kind, edge }), change: changeOrSay });
  const empty = html`<${Empty} icon="edges" title=${t("edges.none")} text=${t("edges.noneText")}><${Button} kind="primary" icon="plus" onClick=${() => setOpen({ kind: "add" })}>${t("edges.add")}</${Button}></${Empty}>`;
  return html`<${PageHeader} title=${t("page.edges")} text=${t("edges.text")}><${Button} kind="primary" icon="plus" onClick=${() => setOpen({ kind: "add" })}>${t("edges.add")}</${Button}></${PageHeader}>
    <${AwaitAll} queries=${names?.length === 0 ? [edges] : [edges, analytics, readings, map]}>
      ${(data) => (data.length === 0 ? empty : html`
        <${Section} title=${t("edges.map")}><${WorldMap} map=${map.data} edges=${data} measured=${measured} origins=${analytics.data?.by_origin} shares=${shares} onOpen=${(edge) => navigate(["edges", edge.id])} /></${Section}>
        <${Table} caption=${t("page.edges")} columns=${columns} rows=${data} rowKey=${(edge) => edge.id} />`)}
    </${AwaitAll}>
    ${open?.kind === "add" && html`<${Editor} onClose=${close} onSaved=${done} />`}
    ${open?.kind === "edit" && html`<${Editor} edge=${open.edge} onClose=${close} onSaved=${done} />`}
    ${open?.kind === "disable" && html`<${Disabling} edge=${open.edge} change=${change} onClose=${close} />`}
    ${open?.kind === "delete" && html`<${Removal} edge=${open.edge} onClose=${close} onDone=${done} />`}`;
}
