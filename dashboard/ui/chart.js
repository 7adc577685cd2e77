import { html, useEffect, useRef, useState } from "./html.js";
import { useStore } from "../lib/store.js";
import { language, theme } from "../lib/preferences.js";
import { t } from "../lib/i18n.js";

let library;
const loadLibrary = () => (library ??= import("/dashboard/chart.js").then((module) => module.default));

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Lines or areas over time, with a sentence and a table of the same numbers for whoever does not see the picture.
 * @param {object} props
 * @param {string} props.label what it shows
 * @param {string} props.sentence what one sees in it
 * @param {{label: string, short?: string}[]} props.points in equal distances; how each is written in the table and, shorter, at the axis
 * @param {{label: string, values: (number | null)[], format: (value: number) => string, colour?: string, fill?: boolean, kind?: "line" | "bars"}[]} props.series
 *   `colour` is a custom property, `--accent` by default
 * @param {(value: number) => string} [props.axis] how the axis writes values; that of the first series by default
 * @param {number} [props.height] pixels
 */
export function Chart({ label, sentence, points, series, axis, height = 200 }) {
  const place = useRef(null);
  const [tip, setTip] = useState(null);
  const [missing, setMissing] = useState(false);
  const scheme = useStore(theme);
  const locale = useStore(language);

  useEffect(() => {
    let plot;
    let observer;
    let gone = false;
    loadLibrary().then(
      (Plot) => {
        if (gone || !place.current) return;
        const size = () => ({ width: Math.max(120, place.current.clientWidth), height });
        plot = new Plot({ ...size(), ...optionsOf(Plot, { points, series, axis, setTip }) }, [points.map((_, index) => index), ...series.map((one) => one.values)], place.current);
        observer = new ResizeObserver(() => place.current && plot.setSize(size()));
        observer.observe(place.current);
      },
      () => setMissing(true),
    );
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot?.redraw();
    dark.addEventListener("change", redraw);
    return () => {
      gone = true;
      dark.removeEventListener("change", redraw);
      observer?.disconnect();
      plot?.destroy();
    };
  }, [points, series, height, scheme, locale]);

  const point = tip === null ? null : points[tip];
  return html`<figure class="chart">
    <figcaption>
      <span class="chart-sentence">${sentence}</span>
      <span class="chart-legend" aria-hidden="true">
        ${series.map((one) => html`<span class="legend-entry" key=${one.label}><i style=${{ background: `var(${one.colour ?? "--accent"})` }}></i>${one.label}<b class="numbers">${point ? one.format(one.values[tip]) : ""}</b></span>`)}
        <span class="legend-at numbers">${point?.label ?? ""}</span>
      </span>
    </figcaption>
    <div class="chart-plot" ref=${place} style=${{ height: `${height}px` }} aria-hidden="true">${missing && html`<p class="chart-missing">${t("chart.missing")}</p>`}</div>
    <${Numbers} label=${label} points=${points} series=${series} />
  </figure>`;
}

function Numbers({ label, points, series }) {
  return html`<details class="chart-numbers"><summary>${t("chart.numbers")}<span class="only-read">: ${label}</span></summary>
    <div class="chart-scroll" tabindex="0" role="region" aria-label=${label}><table class="numbers-table">
      <thead><tr><th scope="col">${t("chart.at")}</th>${series.map((one) => html`<th scope="col" class="end" key=${one.label}>${one.label}</th>`)}</tr></thead>
      <tbody>${points.map((point, index) => html`<tr key=${point.label}><th scope="row">${point.label}</th>${series.map((one) => html`<td class="end" key=${one.label}>${one.format(one.values[index])}</td>`)}</tr>`)}</tbody>
    </table></div>
  </details>`;
}

function optionsOf(Plot, { points, series, axis, setTip }) {
  const text = () => colour("--text-weak");
  const line = () => colour("--line");
  const font = "11px system-ui, sans-serif";
  const grid = { stroke: line, width: 1 };
  const written = axis ?? series[0].format;
  return {
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => setTip(plot.cursor.idx ?? null)] },
    scales: { x: { time: false, range: (_, first, last) => [first - 0.5, last + 0.5] }, y: { range: (_, least, most) => [Math.min(0, least ?? 0), most > 0 ? most * 1.1 : 1] } },
    axes: [
      { stroke: text, font, grid: { show: false }, ticks: { show: false }, size: 24, space: 60, incrs: [1, 2, 3, 4, 6, 7, 12, 24], values: (_, splits) => splits.map((at) => points[at]?.short ?? points[at]?.label ?? "") },
      { stroke: text, font, grid, ticks: { show: false }, size: (_, texts) => 14 + 6.4 * Math.max(3, ...(texts ?? []).map((text) => text.length)), space: 36, values: (_, splits) => splits.map((value) => written(value)) },
    ],
    series: [{}, ...series.map((one) => seriesOf(Plot, one))],
  };
}

function seriesOf(Plot, { colour: name = "--accent", fill, kind }) {
  const stroke = () => colour(name);
  const common = { stroke, width: 1.5, points: { show: false } };
  if (kind === "bars") return { ...common, width: 0, fill: stroke, paths: Plot.paths.bars({ size: [0.6, 28], radius: 0.15 }) };
  return { ...common, fill: fill ? () => `${colour(name)}22` : undefined };
}
