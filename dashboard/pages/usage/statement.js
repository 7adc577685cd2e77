import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { Section } from "../../ui/page.js";
import { Await, Failure, Skeleton } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { months } from "../../lib/forecast.js";
import * as format from "../../lib/format.js";
import { useAction } from "../../lib/query.js";
import { saveCsv } from "../../lib/save.js";
import { t } from "../../lib/i18n.js";

const PATH = "/api/agentcache/statement";

/** The path of a month's statement; `period` is `YYYY-MM`. */
export const statementPath = (period) => `${PATH}?period=${period}`;

const SHOWN_MONTHS = 13;

/** What a month cost, item by item. */
export function Statement({ query, period, onPeriod }) {
  const csv = useAction(() => saveCsv(PATH, { period }, `statement-${period}.csv`));
  const actions = html`<select class="input month" aria-label=${t("usage.month")} value=${period} onChange=${(event) => onPeriod(event.currentTarget.value)}>
      ${months(Date.now(), SHOWN_MONTHS).map((month) => html`<option key=${month} value=${month} selected=${month === period}>${format.month(`${month}-01T00:00:00Z`)}</option>`)}
    </select>
    <${Button} icon="download" busy=${csv.busy} aria-label=${t("usage.csvLabel")} onClick=${csv.run}>${t("usage.csv")}</${Button}>`;
  return html`<${Section} title=${t("usage.statement")} actions=${actions}>
    ${csv.error && html`<${Failure} compact error=${csv.error} />`}
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${5} height=${28} />`}>${(statement) => html`<${Items} statement=${statement} />`}</${Await}>
  </${Section}>`;
}

function Items({ statement }) {
  const rows = [
    { id: "itemStorage", amount: t("usage.gbMonths", { value: format.decimal(statement.storage_gb_months, 3) }), more: t(statement.closed ? "usage.then" : "usage.now", { value: format.bytes(statement.storage_bytes) }), cost: statement.storage_cost },
    { id: "itemOrigin", amount: format.bytes(statement.origin_bytes), cost: statement.bandwidth_cost },
    { id: "itemBandwidth", amount: format.bytes(statement.bandwidth_bytes), cost: null },
    { id: "itemRequests", amount: format.count(statement.request_count), cost: null },
    { id: "total", amount: "", cost: statement.total_cost },
  ];
  const columns = [
    { id: "item", label: t("usage.item"), primary: true, render: (row) => (row.id === "total" ? html`<strong>${t("usage.total")}</strong>` : html`<span>${t(`usage.${row.id}`)}${row.more && html` <span class="weak">· ${row.more}</span>`}</span>`) },
    { id: "amount", label: t("usage.amount"), align: "end", render: (row) => row.amount },
    { id: "cost", label: t("usage.cost"), align: "end", render: (row) => (row.cost === null ? html`<span class="weak">${t("usage.free")}</span>` : row.id === "total" ? html`<strong>${format.money(row.cost)}</strong>` : format.money(row.cost)) },
  ];
  const isEmpty = statement.storage_gb_months === 0 && statement.bandwidth_bytes === 0 && statement.request_count === 0 && statement.storage_bytes === 0;
  return html`<${Table} caption=${`${t("usage.statement")}, ${format.month(statement.period_start)}`} columns=${columns} rows=${rows} rowKey=${(row) => row.id} />
    <p class="under">
      <${Badge} tone=${statement.closed ? "good" : "neutral"}>${t(statement.closed ? "usage.closed" : "usage.open")}</${Badge}>
      <span class="weak">${isEmpty ? t("usage.nothing") : statement.recorded_at && t("usage.recorded", { time: format.dateTime(statement.recorded_at) })}</span>
    </p>`;
}
