import { html, useRef, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Notice } from "../../ui/notice.js";
import { PageHeader } from "../../ui/page.js";
import { Await, Skeleton } from "../../ui/states.js";
import { ApiError, call } from "../../lib/api.js";
import { usePages, useQuery } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";
import { Alerts, alertsPath } from "./alerts.js";
import { Deployment, Parts } from "./parts.js";

/** A deployment that is not whole answers 503 with the same fields: that is an answer, not a failure. */
async function examine(signal) {
  const response = await call("GET", "/api/health", { query: { deep: 1 }, as: "response", signal });
  const body = await response.json().catch(() => ({}));
  if (!body.parts) throw new ApiError(response.status, body);
  return body;
}

/** Whether the deployment works, and its alerts. */
export function HealthPage() {
  const query = useQuery("health:deep", { load: examine });
  const [which, setWhich] = useState("open");
  // What comes later stands below, so that nothing is pushed down.
  const areAlertsThere = useRef(false);
  const alerts = usePages(alertsPath(which), "alerts", { every: 60_000 });
  areAlertsThere.current ||= !alerts.loading;
  return html`<${PageHeader} title=${t("page.health")} text=${t("health.text")}><${Button} icon="retry" busy=${query.refreshing} onClick=${query.reload}>${t("health.again")}</${Button}></${PageHeader}>
    <${Alerts} which=${which} onWhich=${setWhich} pages=${alerts} />
    ${areAlertsThere.current && html`<${Await} query=${query} skeleton=${html`<${Skeleton} lines=${10} height=${28} />`}>${(data) => html`
      <div class="section"><${Verdict} data=${data} /></div>
      <${Parts} parts=${data.parts} />
      <${Deployment} data=${data} />`}
    </${Await}>`}`;
}

function Verdict({ data }) {
  if (data.status === "ok") return html`<${Notice} tone="good">${t("health.ok")}</${Notice}>`;
  const names = data.status === "misconfigured" ? (data.names ?? []) : (data.failing ?? []);
  return html`<${Notice} tone="bad">${t(`health.${data.status === "misconfigured" ? "misconfigured" : "degraded"}`, { names: names.join(", ") })}</${Notice}>`;
}
