import { html, useEffect } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Section } from "../../ui/page.js";
import { Segments } from "../../ui/tabs.js";
import { Await, Empty } from "../../ui/states.js";
import { More, Table } from "../../ui/table.js";
import * as format from "../../lib/format.js";
import { hasText, t } from "../../lib/i18n.js";
import { usePages, useQuery } from "../../lib/query.js";
import { setQuery } from "../../lib/router.js";

const STATUSES = ["complete", "failed", "expired"];
const TONES = { complete: "good", failed: "bad", expired: "warn" };

/** Uploads that have ended. `ends` changes when one more has. */
export function History({ status: asked, ends }) {
  const status = STATUSES.includes(asked) ? asked : "complete";
  const pages = usePages(`/api/jetty/sessions?status=${status}&limit=25`, "sessions");
  useEffect(() => {
    if (ends > 0) pages.reload();
  }, [ends]);
  const columns = [
    { id: "name", label: t("files.name"), primary: true, render: (row) => row.fileName },
    { id: "status", label: t("uploads.status"), render: (row) => html`<${Badge} tone=${TONES[row.status]}>${t(`uploads.status.${row.status}`)}</${Badge}>` },
    { id: "size", label: t("files.size"), align: "end", render: (row) => format.bytes(row.fileSize) },
    { id: "parts", label: t("uploads.parts"), align: "end", render: (row) => format.count(row.chunkCount) },
    { id: "started", label: t("uploads.started"), align: "end", render: (row) => format.dateTime(row.createdAt) },
    { id: "ended", label: t("uploads.ended"), align: "end", render: (row) => format.dateTime(row.endedAt) },
    ...(status === "complete" ? [] : [{ id: "reason", label: t("uploads.reason"), render: (row) => reasonOf(row.reason) }]),
  ];
  const options = STATUSES.map((value) => ({ value, label: t(`uploads.status.${value}`) }));
  return html`<${Section} title=${t("uploads.history")} text=${t("uploads.historyText")} actions=${html`<${Segments} label=${t("uploads.status")} value=${status} options=${options} onChange=${(next) => setQuery({ status: next })} />`}>
    ${status !== "complete" && html`<${Reasons} />`}
    <${Await} query=${pages} isEmpty=${() => pages.rows.length === 0} empty=${html`<${Empty} icon="clock" title=${t(`uploads.no.${status}`)} />`}>${() =>
      html`<${Table} caption=${t("uploads.history")} columns=${columns} rows=${pages.rows} rowKey=${({ sessionId }) => sessionId} /><${More} pages=${pages} />`}
    </${Await}>
  </${Section}>`;
}

const reasonOf = (reason) => (hasText(`overview.reason.${reason}`) ? t(`overview.reason.${reason}`) : (reason ?? format.UNKNOWN));

/** How often uploads ended without a file, and why. */
function Reasons() {
  const month = useQuery("/api/portal/analytics?period=30d");
  const reasons = Object.entries(month.data?.uploads.reasons ?? {}).filter(([, n]) => n > 0);
  if (reasons.length === 0) return null;
  return html`<div class="panel reasons"><h3>${t("uploads.reasons")}</h3><ul>${reasons
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => html`<li key=${reason}><strong>${format.count(n)}</strong> ${reasonOf(reason)}</li>`)}</ul></div>`;
}
