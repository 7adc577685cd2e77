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
      <${Section} title=${t("edges.chart")}>${data.series.length === 0 ? html`<${Empty} icon="overview" title=${t("edges.noSamples")} />` : html`<${Series} data=${data} />`}</${Section}>
      ${edge && html`<${Section} title=${t("namespaces.settings")}><div class="panel"><${Facts} entries=${[
      [t("edges.id"), html`<code>${edge.id}</code>`],
      [t("edges.colo"), edge.colo],
      [t("edges.url"), edge.url ? html`<code>${edge.url}</code>` : html`<span class="weak">${t("edges.ownAddress")}</span>`],
      [t("edges.capacity_mbps"), format.mbps(edge.capacityMbps)],
      [t("edges.place"), `${format.decimal(edge.lat)}°, ${format.decimal(edge.lon)}°`],
    ]} /></div></${Section}>`}`}
    </${AwaitAll}>`;
}

function Series({ data }) {
  const points = useMemo(() => data.series.map(({ hour }) => ({ at: Date.parse(hour) / 1000, label: format.dateTime(hour) })), [data]);
  const series = useMemo(
    () => [
      { label: t("edges.latency"), values: data.series.map((one) => one.latencyMs), format: format.latency },
      { label: t("edges.rate"), values: data.series.map((one) => one.mbps), format: format.mbps, colour: "--second" },
    ],
    [data],
  );
  const { samples, failures, bytes } = data.total;
  const sentence = t("edges.chartSentence", { samples: format.count(samples), failures: format.count(failures), bytes: format.bytes(bytes) });
  return html`<${Chart} label=${t("edges.chart")} sentence=${sentence} points=${points} series=${series} axis=${format.compact} />`;
}
