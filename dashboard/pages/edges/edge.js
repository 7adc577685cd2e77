import { html, useMemo, useState } from "../../ui/html.js";
import { AwaitAll } from "../../ui/await-all.js";
import { Chart } from "../../ui/chart.js";
import { Facts, PageHeader, Section } from "../../ui/page.js";
import { Stat, Stats } from "../../ui/stat.js";
import { Empty } from "../../ui/states.js";
import { Segments } from "../../ui/tabs.js";
import { healthOf } from "../../lib/edges.js";
import * as format from "../../lib/format.js";
import { useQuery } from "../../lib/query.js";
import { href } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";
import { Health, placeOf } from "./columns.js";

const PERIODS = ["24h", "7d", "30d"];

/** What was measured at an edge. */
export function Edge({ id }) {
  const [period, setPeriod] = useState("24h");
  const edges = useQuery("/api/edges");
  const metrics = useQuery(`/api/edges/${encodeURIComponent(id)}/metrics?period=${period}`, { every: 60_000 });
  const edge = edges.data?.find((one) => one.id === id);
  return html`<p class="back"><a href=${href("edges")}>${t("edges.back")}</a></p>
    <${PageHeader} title=${edge?.name ?? id} text=${edge ? placeOf(edge) : " "}>
      <${Segments} label=${t("edges.period")} value=${period} onChange=${setPeriod} options=${PERIODS.map((value) => ({ value, label: t(`edges.${value}`) }))} />
    </${PageHeader}>
    <${AwaitAll} queries=${[metrics, edges]}>${(data) => html`
      <${Section} title=${t("edges.now")}><${Stats} label=${t("edges.now")}>
        <${Stat} label=${t("edges.health")} value=${edge ? html`<${Health} health=${healthOf(edge, data.now)} />` : format.UNKNOWN} />
        <${Stat} label=${t("edges.load")} value=${data.now.confidence > 0 ? format.percent(data.now.loadPercent) : format.UNKNOWN} />
        <${Stat} label=${t("edges.latency")} value=${format.latency(data.now.latencyMs)} />
        <${Stat} label=${t("edges.bandwidth")} value=${format.mbps(data.now.bandwidthMbps)} />
        <${Stat} label=${t("edges.errorRate")} value=${data.now.errorRate === null ? format.UNKNOWN : format.percent(data.now.errorRate * 100)} />
        <${Stat} label=${t("edges.confidence")} value=${format.percent(data.now.confidence * 100, 0)} />
      </${Stats}></${Section}>
      <${Section} title=${t("edges.chart")} text=${totalsOf(data)}>${data.series.length === 0 ? html`<${Empty} icon="overview" title=${t("edges.noSamples")} />` : html`<${Series} data=${data} period=${period} />`}</${Section}>
      ${edge && html`<${Section} title=${t("namespaces.settings")}><div class="panel"><${Facts} entries=${[
      [t("edges.id"), html`<code>${edge.id}</code>`],
      [t("edges.colo"), edge.colo],
      [t("edges.url"), edge.url ? html`<code>${edge.url}</code>` : html`<span class="weak">${t("edges.ownAddress")}</span>`],
      [t("edges.capacity_mbps"), format.mbps(edge.capacityMbps)],
      [t("edges.place"), `${format.decimal(edge.lat)}°, ${format.decimal(edge.lon)}°`],
    ]} /></div></${Section}>`}`}
    </${AwaitAll}>`;
}

// Two charts, because milliseconds and rates have no scale in common.
const SERIES = [
  { name: "latency", of: (hour) => hour.latencyMs, format: format.latency },
  { name: "rate", of: (hour) => hour.mbps, format: format.mbps },
];

function totalsOf({ series, total: { samples, failures, bytes } }) {
  return series.length === 0 ? null : t("edges.chartSentence", { samples: format.count(samples), failures: format.count(failures), bytes: format.bytes(bytes) });
}

function Series({ data, period }) {
  const short = period === "24h" ? format.time : format.shortDate;
  const points = useMemo(() => data.series.map(({ hour }) => ({ at: Date.parse(hour) / 1000, label: format.dateTime(hour), short: short(hour) })), [data]);
  return html`<div class="columns">${SERIES.map((one) => html`<${Line} key=${one.name} one=${one} data=${data} points=${points} />`)}</div>`;
}

function Line({ one, data, points }) {
  const label = t(`edges.${one.name}`);
  const series = useMemo(() => [{ label, values: data.series.map(one.of), format: one.format, fill: true }], [data, label]);
  const known = series[0].values.filter((value) => value !== null);
  const sentence = known.length === 0 ? label : t("edges.lineSentence", { name: label, least: one.format(Math.min(...known)), most: one.format(Math.max(...known)) });
  return html`<${Chart} label=${label} sentence=${sentence} points=${points} series=${series} height=${180} />`;
}
