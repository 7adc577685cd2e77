import { html } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { PageHeader } from "../../ui/page.js";
import { Segments } from "../../ui/tabs.js";
import { Stat, Stats } from "../../ui/stat.js";
import { Await, Empty } from "../../ui/states.js";
import { getAll, withQuery } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { useQuery } from "../../lib/query.js";
import { setQuery } from "../../lib/router.js";
import { figuresOf, isQuiet } from "./figures.js";
import { ByCountry, ByEdge, Classes, UploadFigures } from "./parts.js";
import { Series } from "./series.js";

const PERIODS = ["24h", "7d", "30d"];
const EVERY_MS = 60_000;

/** What is going on: of an account, or of everything for an operator. */
export function Overview({ query, who }) {
  const period = PERIODS.includes(query.period) ? query.period : "24h";
  const analytics = useQuery(withQuery("/api/portal/analytics", { period, namespace: query.namespace }), { every: EVERY_MS });
  return html`<${PageHeader} title=${t("page.overview")} text=${t("overview.text")}>
      <${NamespaceChoice} value=${query.namespace ?? ""} who=${who} />
      <${Segments} label=${t("overview.period")} value=${period} onChange=${(next) => setQuery({ period: next })} options=${PERIODS.map((value) => ({ value, label: t(`overview.${value}`) }))} />
    </${PageHeader}>
    <${Await} query=${analytics} skeleton=${html`<${Waiting} />`}>${(now) => html`<${Figures} now=${now} who=${who} />`}</${Await}>`;
}

function Figures({ now, who }) {
  return html`<div class="overview">
    <${Stats} label=${t("overview.figures")}>${figuresOf(now).map(({ key, value, as, trend, better }) => html`<${Stat} key=${key} label=${t(`overview.${key}`)} value=${format[as](value)} trend=${trend} better=${better} />`)}</${Stats}>
    <p class="weak compared">${t(isQuiet(now.previous) ? "overview.notCompared" : "overview.compared")}</p>
    ${isQuiet(now)
      ? html`<${Empty} icon="overview" title=${t("overview.emptyTitle")} text=${t("overview.emptyText")}>${who.kind === "account" && html`<${Button} href="#/files">${t("overview.toFiles")}</${Button}>`}</${Empty}>`
      : html`<${Series} series=${now.series} />
        <div class="columns"><${Classes} breakdown=${now.breakdown} /><${UploadFigures} uploads=${now.uploads} /></div>
        <div class="columns">${now.by_edge.length > 0 && html`<${ByEdge} rows=${now.by_edge} />`}${now.by_country.length > 0 && html`<${ByCountry} rows=${now.by_country} />`}</div>`}
  </div>`;
}

/** In the size of what comes. */
const Waiting = () => html`<div class="overview" role="status" aria-label=${t("state.loading")}><div class="skeleton overview-figures"></div><div class="skeleton overview-series"></div></div>`;

/** All namespaces, or one. It is there before the list is, so that nothing moves when that comes. */
function NamespaceChoice({ value, who }) {
  const list = useQuery("namespaces", { load: (signal) => getAll("/api/portal/namespaces", "namespaces", {}, { signal }) });
  const names = list.data?.map(({ name }) => name) ?? [];
  const all = value && !names.includes(value) ? [value, ...names] : names;
  return html`<select class="input narrow" aria-label=${t("overview.namespace")} value=${value} onChange=${(event) => setQuery({ namespace: event.currentTarget.value })}>
    <option value="">${t(who.kind === "operator" ? "overview.all" : "overview.own")}</option>
    ${all.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}
  </select>`;
}
