import { html, useMemo, useState } from "../../ui/html.js";
import { arrow, arrowWidth } from "../../map/arrows.js";
import { HEIGHT, project, WIDTH } from "../../map/projection.js";
import { findEdge, flowsOf, healthOf } from "../../lib/edges.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";

/** Loads coast lines and the places of countries. */
export const loadMap = () => import("/dashboard/map.js");

const LEGEND = ["healthy", "busy", "failing", "unmeasured", "disabled"];

/**
 * The edges where they are, and arrows of where uploads came from. The picture is for the eye alone: a sentence and tables say the same.
 * @param {object} props
 * @param {{LAND: string, middleOf: (country: string) => object | null} | undefined} props.map undefined if it could not be loaded
 * @param {object[]} props.edges
 * @param {Record<string, any>} props.measured metrics by id
 * @param {{country: string, edge: string, bytes: number}[]} [props.origins] undefined where the deployment does not tell them
 * @param {object[]} props.shares `by_edge`
 * @param {(edge: object) => void} props.onOpen
 */
export function WorldMap({ map, edges, measured, origins = [], shares, onOpen }) {
  const [shown, setShown] = useState(null);
  const { flows, hidden } = useMemo(() => (map ? flowsOf(origins, edges, map.middleOf) : { flows: [], hidden: 0 }), [map, origins, edges]);
  const most = flows[0]?.bytes ?? 0;
  const health = (edge) => healthOf(edge, measured[edge.id]?.now);
  return html`<figure class="map">
    <figcaption>
      <span class="chart-sentence">${sentenceOf({ edges, health, origins, shares })}${hidden > 0 ? ` ${t("edges.hidden", { bytes: format.bytes(hidden) })}` : ""}</span>
    </figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" onMouseLeave=${() => setShown(null)}>
      <defs><marker id="arrow-head" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="13" markerHeight="13" orient="auto"><path class="arrow-head" d="M0 0L8 4L0 8z" /></marker></defs>
      ${map && html`<path class="land" d=${map.LAND} />`}
      <g class="flows">${flows.map((flow) => html`<g key=${flow.key} onMouseEnter=${() => setShown(flow)}>
        <path class="flow-hit" d=${arrow(flow.from, flow.to)} />
        <path class="flow" d=${arrow(flow.from, flow.to)} stroke-width=${arrowWidth(flow.bytes, most)} marker-end="url(#arrow-head)" />
        <${Point} class="origin" at=${flow.from} r=${3.5} />
      </g>`)}</g>
      <g class="edge-points">${edges.map((edge) => html`<g key=${edge.id} class=${`edge-point edge-${health(edge)}`} onMouseEnter=${() => setShown(edge)} onClick=${() => onOpen(edge)}>
        <${Point} class="halo" at=${edge} r=${7 + 12 * Math.sqrt(Math.min(100, measured[edge.id]?.now.loadPercent ?? 0) / 100)} />
        <${Point} class="dot" at=${edge} r=${5.5} />
      </g>`)}</g>
    </svg>
    <p class="map-line"><span class="legend" aria-hidden="true">${LEGEND.map((name) => html`<span key=${name} class="legend-entry"><i class=${`edge-${name}`}></i>${t(`edges.${name}`)}</span>`)}</span><span class="numbers">${!map ? t("edges.noMap") : shown ? textOf(shown, measured, health) : ""}</span></p>
    ${origins.length > 0 && html`<${Flows} origins=${origins} edges=${edges} />`}
  </figure>`;
}

function Point({ at, r, class: name }) {
  const [x, y] = project(at.lat, at.lon);
  return html`<circle class=${name} cx=${x.toFixed(1)} cy=${y.toFixed(1)} r=${r} />`;
}

function sentenceOf({ edges, health, origins, shares }) {
  const counts = { edges: format.count(edges.length), healthy: format.count(edges.filter((edge) => health(edge) === "healthy").length) };
  const bytes = shares.reduce((sum, share) => sum + share.bytes, 0);
  if (bytes === 0) return t("edges.sentenceNone", counts);
  const first = [...origins].sort((one, other) => other.bytes - one.bytes).find(({ country }) => country !== "XX");
  if (!first) return t("edges.sentencePlaces", { ...counts, bytes: format.bytes(bytes) });
  return t("edges.sentence", { ...counts, bytes: format.bytes(bytes), country: format.country(first.country), edge: findEdge(edges, first.edge)?.name ?? first.edge });
}

/** What is under the pointer. */
function textOf(thing, measured, health) {
  if (thing.from) return `${format.country(thing.country)} → ${thing.edge.name} · ${format.bytes(thing.bytes)}`;
  const now = measured[thing.id]?.now;
  return [thing.name, t(`edges.${health(thing)}`), `${t("edges.load")} ${format.percent(now?.loadPercent)}`, format.latency(now?.latencyMs)].join(" · ");
}

function Flows({ origins, edges }) {
  return html`<details class="chart-numbers"><summary>${t("chart.numbers")}<span class="only-read">: ${t("edges.flowsTable")}</span></summary>
    <div class="chart-scroll" tabindex="0" role="region" aria-label=${t("edges.flowsTable")}><table class="numbers-table">
      <thead><tr><th scope="col">${t("edges.from")}</th><th scope="col">${t("edges.over")}</th><th scope="col" class="end">${t("edges.bytes")}</th></tr></thead>
      <tbody>${origins.map(({ country, edge, bytes }) => html`<tr key=${`${country} ${edge}`}><th scope="row">${format.country(country)}</th><td>${findEdge(edges, edge)?.name ?? edge}</td><td class="end">${format.bytes(bytes)}</td></tr>`)}</tbody>
    </table></div>
  </details>`;
}
