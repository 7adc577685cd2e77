import { html } from "../../ui/html.js";
import { Section } from "../../ui/page.js";
import { Await, Empty, Skeleton } from "../../ui/states.js";
import { More, Table } from "../../ui/table.js";
import { Segments } from "../../ui/tabs.js";
import { alertBasis, alertValue } from "../../lib/alerts.js";
import * as format from "../../lib/format.js";
import { href } from "../../lib/router.js";
import { hasText, t } from "../../lib/i18n.js";

/** The path of the alerts that are `open`, or `past`. */
export const alertsPath = (which) => `/api/portal/alerts?open=${which === "open"}&limit=50`;

/** Alerts that are open, or were. */
export function Alerts({ which, onWhich, pages }) {
  const actions = html`<${Segments} label=${t("alerts.which")} value=${which} onChange=${onWhich} options=${["open", "past"].map((value) => ({ value, label: t(`alerts.${value}`) }))} />`;
  const empty = which === "open" ? html`<${Empty} icon="check" title=${t("alerts.none")} text=${t("alerts.noneText")} />` : html`<${Empty} icon="clock" title=${t("alerts.nonePast")} text=${t("alerts.nonePastText")} />`;
  return html`<${Section} title=${t("alerts.title")} text=${t("alerts.text")} actions=${actions}>
    <${Await} query=${pages} skeleton=${html`<${Skeleton} lines=${4} height=${28} />`} isEmpty=${() => pages.rows.length === 0} empty=${empty}>
      ${() => html`<${Table} caption=${t("alerts.title")} columns=${columnsOf(which)} rows=${pages.rows} rowKey=${(alert) => alert.id} /><${More} pages=${pages} />`}
    </${Await}>
  </${Section}>`;
}

const columnsOf = (which) =>
  [
    { id: "kind", label: t("alerts.kind"), primary: true, render: ({ kind }) => (hasText(`alerts.${kind}`) ? t(`alerts.${kind}`) : kind) },
    { id: "namespace", label: t("alerts.namespace"), render: ({ namespace }) => (namespace ? html`<a class="breaks" href=${href(["namespaces", namespace])}>${namespace}</a>` : format.UNKNOWN) },
    { id: "value", label: t("alerts.value"), align: "end", render: ({ kind, value }) => html`<strong>${alertValue(kind, value)}</strong>` },
    { id: "bound", label: t("alerts.bound"), align: "end", render: ({ kind, threshold }) => alertValue(kind, threshold) },
    { id: "basis", label: t("alerts.basis"), align: "end", render: ({ kind, rests_on: basis }) => alertBasis(kind, basis) },
    { id: "fired", label: t("alerts.fired"), align: "end", render: ({ fired_at: at }) => html`<time datetime=${at} title=${format.dateTime(at)}>${format.relative(at)}</time>` },
    which === "past" && {
      id: "resolved",
      label: t("alerts.resolved"),
      align: "end",
      render: ({ kind, resolved_at: at, resolved_value: value }) => html`<span><time datetime=${at}>${format.dateTime(at)}</time>${value !== null && html` <span class="weak">${t("alerts.at", { value: alertValue(kind, value) })}</span>`}</span>`,
    },
  ].filter(Boolean);
