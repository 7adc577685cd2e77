import { html } from "./html.js";
import { Bar } from "./bar.js";
import { Badge } from "./badge.js";
import { quotaState } from "../lib/quota.js";
import * as format from "../lib/format.js";
import { t } from "../lib/i18n.js";

const TONES = { ok: "accent", warning: "warn", full: "bad", none: "neutral" };

/**
 * How much of a quota is used: the bar, the figures, and a word once it becomes tight.
 * @param {object} props
 * @param {string} props.label
 * @param {number} props.used
 * @param {number} [props.reserved] held for what is under way
 * @param {number} props.limit
 * @param {"bytes" | "count"} [props.unit]
 * @param {string} [props.note] under the bar, behind what is reserved
 */
export function Meter({ label, used, reserved = 0, limit, unit = "bytes", note }) {
  const write = unit === "bytes" ? format.bytes : format.count;
  const state = quotaState(used + reserved, limit);
  const share = limit > 0 ? ((used + reserved) / limit) * 100 : null;
  const text = t("meter.of", { used: write(used), limit: write(limit) });
  return html`<div class="meter">
    <div class="meter-head"><span class="meter-label">${label}</span>${state !== "ok" && html`<${Badge} tone=${TONES[state]}>${t(`meter.${state}`)}</${Badge}>`}</div>
    <p class="meter-figure"><strong>${write(used)}</strong> <span class="weak">${t("meter.ofLimit", { limit: write(limit) })}</span></p>
    <${Bar} value=${used} second=${reserved} of=${limit > 0 ? limit : 1} tone=${TONES[state]} label=${label} text=${text} />
    <p class="meter-note"><span>${share === null ? format.UNKNOWN : format.percent(share, 1)}</span>${reserved > 0 && html`<span>${t("meter.reserved", { value: write(reserved) })}</span>`}${note && html`<span>${note}</span>`}</p>
  </div>`;
}

/** The same in a row of a table: a thin bar with its figures above. */
export function SmallMeter({ label, used, reserved = 0, limit }) {
  if (used === null || used === undefined) return html`<span class="weak">${format.UNKNOWN}</span>`;
  const state = quotaState(used + reserved, limit);
  const text = t("meter.of", { used: format.bytes(used), limit: format.bytes(limit) });
  return html`<div class="meter-small"><span>${text}</span><${Bar} value=${used} second=${reserved} of=${limit > 0 ? limit : 1} tone=${TONES[state]} label=${label} text=${text} /></div>`;
}
