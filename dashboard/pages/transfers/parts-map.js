import { html } from "../../ui/html.js";
import { t } from "../../lib/i18n.js";

// More squares than this are drawn as fewer, each for several parts.
const MOST_CELLS = 240;

/**
 * The parts of an upload as squares: there, on the way, missing.
 * @param {number} count of parts
 * @param {(part: number) => "stored" | "copied" | "flying" | "missing"} stateOf
 * @returns {{state: string, from: number, to: number}[]} a square for one part or several; several are as far as the least of them
 */
export function cellsOf(count, stateOf) {
  const each = Math.ceil(count / MOST_CELLS);
  const order = ["missing", "flying", "copied", "stored"];
  return Array.from({ length: Math.ceil(count / each) }, (_, index) => {
    const from = index * each + 1;
    const to = Math.min(count, from + each - 1);
    let state = "stored";
    for (let part = from; part <= to; part += 1) {
      const one = stateOf(part);
      if (order.indexOf(one) < order.indexOf(state)) state = one;
    }
    return { state, from, to };
  });
}

/** The squares of `cellsOf`, and one sentence about them. */
export function PartsMap({ count, stored, flying }) {
  const stateOf = (part) => (stored.has(part) ? (stored.get(part) === "copy" ? "copied" : "stored") : flying?.has(part) ? "flying" : "missing");
  const cells = cellsOf(count, stateOf);
  return html`<div class="parts-map" role="img" aria-label=${t("transfers.partsSentence", { stored: stored.size, count })}>
    ${cells.map(({ state, from, to }) => html`<i key=${from} class=${`part part-${state}`} title=${`${from === to ? from : `${from}–${to}`}: ${t(`transfers.part.${state}`)}`}></i>`)}
  </div>`;
}

/** The edges that carried parts, the busiest first: [name, parts]. */
export function edgesOf(stored) {
  const counts = new Map();
  for (const edge of stored.values()) counts.set(edge, (counts.get(edge) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
