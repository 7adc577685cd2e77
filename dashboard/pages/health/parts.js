import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Bar } from "../../ui/bar.js";
import { Facts, Section } from "../../ui/page.js";
import { Table } from "../../ui/table.js";
import * as format from "../../lib/format.js";
import { hasText, t } from "../../lib/i18n.js";

const ORDER = ["d1", "migrations", "kv", "queue", "cache", "store", "store_put", "store_get", "store_delete", "sessions", "accounts", "leases", "meters", "edges"];
const SKEW_LIMIT_MS = 60_000;

/** The parts of a deployment, with what each took. */
export function Parts({ parts }) {
  const rank = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const rows = Object.entries(parts).map(([name, part]) => ({ name, ...part })).sort((one, other) => Number(one.ok) - Number(other.ok) || rank(one.name) - rank(other.name));
  const slowest = Math.max(1, ...rows.map(({ ms }) => ms ?? 0));
  const columns = [
    { id: "part", label: t("health.part"), primary: true, render: ({ name }) => (hasText(`health.${name}`) ? t(`health.${name}`) : name) },
    { id: "state", label: t("health.state"), render: ({ ok, code }) => html`<span><${Badge} tone=${ok ? "good" : "bad"}>${t(ok ? "health.works" : "health.fails")}</${Badge}>${code && html` <code>${code}</code>`}</span>` },
    { id: "took", label: t("health.took"), align: "end", render: ({ name, ms }) => html`<span class="took"><${Bar} value=${ms ?? 0} of=${slowest} label=${name} text=${format.latency(ms)} /><span>${format.latency(ms)}</span></span>` },
  ];
  return html`<${Section} title=${t("health.parts")} text=${t("health.partsText")}><${Table} caption=${t("health.parts")} columns=${columns} rows=${rows} rowKey=${({ name }) => name} /></${Section}>`;
}

const known = (value) => (value === null || value === undefined ? html`<span class="weak">${t("health.notKnown")}</span>` : t(value ? "tiers.yes" : "tiers.no"));

/** What is deployed, and what it has found out about its store. */
export function Deployment({ data }) {
  const missing = data.missingMigrations ?? [];
  const schema = missing.length === 0 ? format.count(data.schema) : html`<${Badge} tone="bad">${t("health.schemaMissing", { value: data.schema, names: missing.join(", ") })}</${Badge}>`;
  return html`<${Section} title=${t("health.deployment")}><div class="panel"><${Facts} entries=${[
    [t("health.version"), html`${data.version} <code class="weak">${data.revision}</code>`],
    [t("health.schema"), schema],
    [t("health.colo"), data.colo ?? format.UNKNOWN],
    [t("health.skew"), html`<${Skew} ms=${data.clockSkewMs} />`],
    [t("health.hashes"), known(data.payloadHashEnforced)],
    [t("health.presigned"), known(data.presignedHashBound)],
    [t("health.bucket"), data.bucketOwner ? t(`health.${data.bucketOwner}`) : html`<span class="weak">${t("health.notKnown")}</span>`],
  ]} /></div></${Section}>`;
}

function Skew({ ms }) {
  if (ms === null || ms === undefined) return html`<span class="weak">${t("health.notKnown")}</span>`;
  if (ms === 0) return t("health.skewNone");
  const text = t(ms > 0 ? "health.skewAhead" : "health.skewBehind", { value: format.duration(Math.abs(ms) / 1000) });
  if (Math.abs(ms) < SKEW_LIMIT_MS) return text;
  return html`<span><${Badge} tone="warn">${text}</${Badge}> <span class="weak">${t("health.skewWrong")}</span></span>`;
}
