import { html, useMemo, useState } from "../../ui/html.js";
import { Chart } from "../../ui/chart.js";
import { Segments } from "../../ui/tabs.js";
import { Section } from "../../ui/page.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { peakOf } from "./figures.js";

// There is no half a request.
const whole = (value) => (Number.isInteger(value) ? format.compact(value) : "");

// Each class in a colour of its own; their names are those of the breakdown.
const CLASSES = [
  ["small_files", "--accent"],
  ["text_files", "--good"],
  ["large_files", "--warn-bar"],
  ["video_streams", "--second"],
];

const METRICS = {
  requests: {
    format: format.count,
    axis: whole,
    series: [
      { text: "total", read: (entry) => entry.requests, colour: "--second" },
      { text: "hits", read: (entry) => entry.hits, fill: true },
    ],
  },
  byClass: {
    format: format.count,
    axis: whole,
    main: (entry) => entry.requests,
    series: CLASSES.map(([text, colour]) => ({ text, colour, read: (entry) => entry.by_class[text] })),
  },
  traffic: {
    format: format.bytes,
    main: (entry) => entry.bytes_from_cache,
    series: [
      { text: "fromStore", read: (entry) => entry.bytes_from_origin, colour: "--second" },
      { text: "fromCache", read: (entry) => entry.bytes_from_cache, fill: true },
    ],
  },
  latency: { format: format.latency, series: [{ text: "p95", read: (entry) => entry.p95_latency_ms, fill: true }] },
  uploads: { format: format.count, axis: whole, series: [{ text: "uploads", read: (entry) => entry.uploads, kind: "bars" }] },
};

const pointOf = (entry) => (entry.hour ? { label: format.dateTime(entry.hour), short: format.time(entry.hour) } : { label: format.calendarDay(entry.day), short: format.calendarDay(entry.day) });

function sentenceOf(metric, name, points, entries) {
  const peak = peakOf(entries.map(metric.main ?? metric.series[0].read));
  if (!peak) return t("overview.sentenceNone");
  const values = { at: points[peak.index].label, most: metric.format(peak.most), total: metric.format(peak.total) };
  return t(name === "latency" ? "overview.sentenceLatency" : "overview.sentence", values);
}

/** The period's series, one kind of figure at a time. */
export function Series({ series: entries }) {
  const [name, setName] = useState("requests");
  const metric = METRICS[name];
  const points = useMemo(() => entries.map(pointOf), [entries]);
  const series = useMemo(
    () => metric.series.map(({ text, read, ...look }) => ({ ...look, label: t(`overview.${text}`), values: entries.map(read), format: metric.format })),
    [entries, metric],
  );
  const options = Object.keys(METRICS).map((value) => ({ value, label: t(`overview.${value}`) }));
  return html`<${Section} title=${t("overview.chart")} actions=${html`<${Segments} label=${t("overview.metric")} value=${name} options=${options} onChange=${setName} />`}>
    <div class="panel"><${Chart} label=${t(`overview.${name}`)} sentence=${sentenceOf(metric, name, points, entries)} points=${points} series=${series} axis=${metric.axis} height=${220} /></div>
  </${Section}>`;
}
