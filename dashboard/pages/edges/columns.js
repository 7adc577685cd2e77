import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Bar, quotaTone } from "../../ui/bar.js";
import { Menu } from "../../ui/menu.js";
import { findEdge, healthOf } from "../../lib/edges.js";
import * as format from "../../lib/format.js";
import { href, navigate } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";

const TONES = { healthy: "good", busy: "warn", unsteady: "warn", failing: "bad", draining: "warn", disabled: "neutral", unmeasured: "neutral" };

/** How an edge is, as a word. */
export const Health = ({ health }) => html`<${Badge} tone=${TONES[health]}>${t(`edges.${health}`)}</${Badge}>`;

/** The columns of the table of `edges`. `measured` by id, `shares` as `by_edge` of the analytics; `open` gets what is to be done, and the edge. */
export function columnsOf({ edges, measured, shares, open, change }) {
  const now = (edge) => measured[edge.id]?.now;
  const share = (edge) => shares.find((one) => findEdge(edges, one.edge) === edge);
  return [
    { id: "edge", label: t("edges.edge"), primary: true, render: (edge) => html`<span class="two"><a href=${href(["edges", edge.id])}>${edge.name}</a><span class="weak">${edge.id}</span></span>` },
    { id: "place", label: t("edges.place"), render: placeOf },
    { id: "health", label: t("edges.health"), render: (edge) => html`<${Health} health=${healthOf(edge, now(edge))} />` },
    { id: "load", label: t("edges.load"), render: (edge) => loadOf(now(edge)) },
    { id: "latency", label: t("edges.latency"), align: "end", render: (edge) => format.latency(now(edge)?.latencyMs) },
    { id: "p50", label: t("edges.p50"), align: "end", render: (edge) => format.mbps(share(edge)?.p50_mbps) },
    { id: "uploads", label: t("edges.uploads"), align: "end", render: (edge) => carriedOf(share(edge)) },
    { id: "errors", label: t("edges.errors"), align: "end", render: (edge) => (share(edge) ? format.count(share(edge).errors) : NOTHING()) },
    { id: "actions", label: t("action.actions"), actions: true, render: (edge) => html`<${Menu} label=${`${t("action.actions")}: ${edge.name}`} items=${[
      { label: t("edges.metrics"), icon: "overview", act: () => navigate(["edges", edge.id]) },
      { label: t("edges.edit"), icon: "edit", act: () => open("edit", edge) },
      edge.status !== "active" && { label: t("edges.activate"), icon: "play", act: () => change(edge, "active") },
      edge.status === "active" && { label: t("edges.drain"), icon: "pause", act: () => change(edge, "draining") },
      edge.status !== "disabled" && { label: t("edges.disable"), icon: "close", act: () => open("disable", edge) },
      { label: t("edges.delete"), icon: "trash", danger: true, act: () => open("delete", edge) },
    ]} />` },
  ];
}

const NOTHING = () => html`<span class="weak">${format.UNKNOWN}</span>`;

/** City and country, which for some are the same. */
export function placeOf({ city, country }) {
  const name = format.country(country);
  return city === name ? city : `${city}, ${name}`;
}

const carriedOf = (share) => (share ? html`<span>${format.count(share.uploads)} <span class="weak">· ${format.bytes(share.bytes)}</span></span>` : NOTHING());

function loadOf(now) {
  // Without a measurement the API says 0.
  if (!now?.confidence) return NOTHING();
  const percent = now.loadPercent;
  const text = format.percent(percent);
  return html`<span class="load"><${Bar} value=${percent} tone=${quotaTone(percent)} label=${t("edges.load")} text=${text} /><span>${text}</span></span>`;
}
