import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { PageHeader, Section } from "../../ui/page.js";
import { Stat, Stats } from "../../ui/stat.js";
import { Await, Empty, Skeleton } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import * as format from "../../lib/format.js";
import { useQuery } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

const REFRESH_MS = 15_000;

/** Jobs that wait, fail or are dead, and the regular runs. */
export function Jobs() {
  const query = useQuery("/api/portal/jobs", { every: REFRESH_MS });
  return html`<${PageHeader} title=${t("page.jobs")} text=${t("jobs.text")}><${Button} icon="retry" label=${t("action.retry")} busy=${query.refreshing && !query.data} onClick=${query.reload} /></${PageHeader}>
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${8} height=${32} />`}>${(data) => html`
      <${Section} title=${t("jobs.waiting")}><${Waiting} waiting=${data.waiting} /></${Section}>
      <${Section} title=${t("jobs.kinds")} text=${t("jobs.kindsText")}><${Kinds} kinds=${data.kinds} /></${Section}>
      <${Section} title=${t("jobs.runs")}><${Runs} runs=${data.runs} /></${Section}>`}
    </${Await}>`;
}

function Waiting({ waiting }) {
  const late = waiting.deliveries_late_seconds;
  const note = late > 0 ? html`<${Badge} tone="warn">${t("jobs.late", { time: format.duration(late) })}</${Badge}>` : t("jobs.onTime");
  return html`<${Stats} label=${t("jobs.waiting")}>
    ${["verification", "collection", "deliveries", "accounts_deleting", "accounts_moving"].map((name) => html`<${Stat} key=${name} label=${t(`jobs.${name}`)} value=${format.count(waiting[name])} note=${name === "deliveries" ? note : ""} />`)}
  </${Stats}>`;
}

const ago = (at) => (at ? html`<time datetime=${at} title=${format.dateTime(at)}>${format.relative(at)}</time>` : html`<span class="weak">${format.UNKNOWN}</span>`);

function Kinds({ kinds }) {
  if (kinds.every(({ failed, dead }) => failed === 0 && dead === 0)) return html`<${Empty} icon="check" title=${t("jobs.noFailures")} />`;
  const columns = [
    { id: "kind", label: t("jobs.kind"), primary: true, render: ({ kind }) => html`<code>${kind}</code>` },
    { id: "failed", label: t("jobs.failed"), align: "end", render: ({ failed }) => format.count(failed) },
    { id: "dead", label: t("jobs.dead"), align: "end", render: ({ dead }) => (dead > 0 ? html`<${Badge} tone="bad">${format.count(dead)}</${Badge}>` : format.count(dead)) },
    { id: "lastFailed", label: t("jobs.lastFailed"), align: "end", render: (one) => ago(one.last_failed_at) },
    { id: "lastDead", label: t("jobs.lastDead"), align: "end", render: (one) => ago(one.last_dead_at) },
    { id: "error", label: t("jobs.lastError"), render: (one) => (one.last_error ? html`<code class="breaks">${one.last_error}</code>` : html`<span class="weak">${format.UNKNOWN}</span>`) },
  ];
  const rows = [...kinds].sort((one, other) => other.dead - one.dead || other.failed - one.failed);
  return html`<${Table} caption=${t("jobs.kinds")} columns=${columns} rows=${rows} rowKey=${({ kind }) => kind} />`;
}

function Runs({ runs }) {
  if (runs.length === 0) return html`<${Empty} icon="clock" title=${t("jobs.noRuns")} />`;
  const columns = [
    { id: "run", label: t("jobs.run"), primary: true, render: ({ name }) => html`<code>${name}</code>` },
    { id: "last", label: t("jobs.lastAt"), align: "end", render: ({ last_at: at }) => (at ? html`<span>${format.dateTime(at)} <span class="weak">· ${format.relative(at)}</span></span>` : html`<span class="weak">${t("jobs.never")}</span>`) },
  ];
  return html`<${Table} caption=${t("jobs.runs")} columns=${columns} rows=${runs} rowKey=${({ name }) => name} />`;
}
