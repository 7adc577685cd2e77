import { html } from "./html.js";
import { Icon } from "./icons.js";
import * as format from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { judge } from "../lib/trend.js";

/** A trend as a word and an arrow: `↑ 12 %`; nothing without one. */
export function Trend({ trend, better = "up" }) {
  if (!trend) return null;
  const { change, by } = trend;
  const tone = judge(trend, better);
  const amount = by === "points" ? t("trend.points", { value: format.decimal(Math.abs(change), 1) }) : format.percent(Math.abs(change), Math.abs(change) < 10 ? 1 : 0);
  const even = Math.abs(change) < 0.05;
  return html`<span class=${`trend trend-${tone}`}>
    ${even ? t("trend.same") : html`<${Icon} name=${change > 0 ? "up" : "down"} size=${12} /><span class="only-read">${t(change > 0 ? "trend.up" : "trend.down")} </span>${amount}`}
  </span>`;
}

/**
 * A figure with its name, and how it changed.
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.value formatted
 * @param {ReturnType<import("../lib/trend.js").trendOf>} [props.trend] undefined: no line for it
 * @param {"up" | "down" | "none"} [props.better]
 * @param {string} [props.note] instead of the trend
 */
export function Stat({ label, value, trend, better, note }) {
  return html`<div class="stat">
    <dt class="stat-label">${label}</dt>
    <dd class="stat-value">${value}</dd>
    <dd class="stat-note">${trend !== undefined ? html`<${Trend} trend=${trend} better=${better} />` : note}</dd>
  </div>`;
}

/** Figures beside each other; on narrow screens two in a row. */
export const Stats = ({ children, label }) => html`<dl class="stats" aria-label=${label}>${children}</dl>`;
