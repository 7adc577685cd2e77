import { html } from "../../ui/html.js";
import { Notice } from "../../ui/notice.js";
import { Section } from "../../ui/page.js";
import { Stat, Stats } from "../../ui/stat.js";
import { forecast, monthProgress } from "../../lib/forecast.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";

const DAY_MS = 86_400_000;

/** What the month will have come to if it goes on as it has begun, and how that is reckoned. */
export function Forecast({ statement, quota }) {
  const now = Date.now();
  const expected = forecast(statement, now);
  const { elapsed, whole } = monthProgress(statement.period_start, statement.period_end, now);
  const title = t("usage.forecast", { month: format.month(statement.period_start) });
  if (expected.bandwidth_bytes === null) return html`<${Section} title=${title}><${Notice}>${t("usage.forecastEarly")}</${Notice}></${Section}>`;
  const share = quota?.bandwidth_quota_bytes > 0 ? (expected.bandwidth_bytes / quota.bandwidth_quota_bytes) * 100 : null;
  const text = t("usage.forecastHow", { days: format.decimal(elapsed / DAY_MS, 1), all: format.count(whole / DAY_MS) });
  return html`<${Section} title=${title} text=${text}>
    <${Stats} label=${title}>
      <${Stat} label=${t("usage.forecastTotal")} value=${format.money(expected.total_cost)} note=${t("usage.soFar", { value: format.money(statement.total_cost) })} />
      <${Stat} label=${t("usage.forecastStorage")} value=${format.decimal(expected.storage_gb_months, 3)} note=${t("usage.soFar", { value: format.decimal(statement.storage_gb_months, 3) })} />
      <${Stat} label=${t("usage.forecastBandwidth")} value=${format.bytes(expected.bandwidth_bytes)} note=${share === null ? "" : t("usage.ofQuota", { value: format.percent(share) })} />
      <${Stat} label=${t("usage.itemRequests")} value=${format.count(expected.request_count)} note=${t("usage.soFar", { value: format.count(statement.request_count) })} />
    </${Stats}>
  </${Section}>`;
}
