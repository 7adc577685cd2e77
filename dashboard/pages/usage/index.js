import { html, useState } from "../../ui/html.js";
import { AwaitAll } from "../../ui/await-all.js";
import { Meter } from "../../ui/meter.js";
import { Notice } from "../../ui/notice.js";
import { PageHeader, Section } from "../../ui/page.js";
import { monthProgress, months, reachesLimitAt } from "../../lib/forecast.js";
import * as format from "../../lib/format.js";
import { quotaBars } from "../../lib/quota.js";
import { useQuery } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";
import { Forecast } from "./forecast.js";
import { Statement, statementPath } from "./statement.js";

const REFRESH_MS = 30_000;
const WARNINGS = { storage: "usage.warnStorage", bandwidth: "usage.warnBandwidth", both: "usage.warnBoth" };

/** What the account has used of its quotas, what the month cost, and what it will come to. */
export function Usage() {
  const quota = useQuery("/api/agentcache/quota", { every: REFRESH_MS });
  const [thisMonth] = useState(() => months(Date.now(), 1)[0]);
  const [period, setPeriod] = useState(thisMonth);
  const current = useQuery(statementPath(thisMonth));
  const chosen = useQuery(statementPath(period));
  return html`<${PageHeader} title=${t("page.usage")} text=${t("usage.text")} />
    <${AwaitAll} queries=${[quota, current]}>${(data) => html`
      <${Quotas} quota=${data} statement=${current.data} />
      ${current.data && html`<${Forecast} statement=${current.data} quota=${data} />`}
      <${Statement} query=${chosen} period=${period} onPeriod=${setPeriod} />`}
    </${AwaitAll}>`;
}

function Quotas({ quota, statement }) {
  return html`<${Section} title=${t("usage.quota")} text=${t("usage.quotaText", { tier: quota.tier })}>
    ${quota.warning && html`<${Notice} tone="warn">${t(WARNINGS[quota.warning] ?? WARNINGS.both)}</${Notice}>`}
    <div class="meters">${quotaBars(quota).map((bar) => html`<${Meter} key=${bar.name} label=${t(`usage.${bar.name}`)} used=${bar.used} reserved=${bar.reserved} limit=${bar.limit} unit=${bar.unit} note=${noteOf(bar, statement)} />`)}</div>
  </${Section}>`;
}

/** When the month's bandwidth will be used up, if it will. */
function noteOf({ name, used, limit }, statement) {
  if (name !== "bandwidth" || !statement) return null;
  const now = Date.now();
  const at = reachesLimitAt(used, limit, monthProgress(statement.period_start, statement.period_end, now), now);
  return at === null ? null : t("usage.reaches", { date: format.shortDate(new Date(at)) });
}
