import { html } from "../../ui/html.js";
import { Bar } from "../../ui/bar.js";
import { Facts, Section } from "../../ui/page.js";
import { Table } from "../../ui/table.js";
import * as format from "../../lib/format.js";
import { hasText, t } from "../../lib/i18n.js";

const CLASSES = ["small_files", "text_files", "large_files", "video_streams"];
const requests = (n) => t("overview.requestsN", { n, count: format.count(n) });

/** The hit rate of each class of files as a bar. */
export function Classes({ breakdown }) {
  return html`<${Section} title=${t("overview.classes")} text=${t("overview.classesText")}>
    <ul class="panel classes">${CLASSES.map((name) => {
      const { hit_rate: rate, requests: n, bytes } = breakdown[name];
      const label = t(`overview.${name}`);
      return html`<li key=${name}>
        <div class="class-head"><span>${label}</span><strong>${n > 0 ? format.percent(rate) : format.UNKNOWN}</strong></div>
        <${Bar} label=${label} value=${n > 0 ? rate : 0} text=${n > 0 ? format.percent(rate) : t("overview.none")} />
        <p class="weak">${n > 0 ? t("overview.classRow", { requests: requests(n), bytes: format.bytes(bytes) }) : t("overview.none")}</p>
      </li>`;
    })}</ul>
  </${Section}>`;
}

/** What became of uploads, and how fast they were. */
export function UploadFigures({ uploads }) {
  const lost = uploads.failed + uploads.expired;
  const reasons = Object.entries(uploads.reasons ?? {}).filter(([, n]) => n > 0);
  const share = uploads.started > 0 ? Math.min(100, (uploads.completed / uploads.started) * 100) : null;
  return html`<${Section} title=${t("overview.uploadsTitle")} text=${t("overview.uploadsText")}>
    <div class="panel upload-figures">
      <div class="class-head"><span>${t("overview.completed")}</span><strong>${format.percent(share, 0)}</strong></div>
      <${Bar} label=${t("overview.completed")} value=${share ?? 0} tone=${lost > 0 ? "warn" : "accent"} />
      <${Facts} entries=${[
        [t("overview.started"), format.count(uploads.started)],
        [t("overview.completed"), format.count(uploads.completed)],
        [t("overview.failed"), format.count(lost)],
        [t("overview.medianSpeed"), format.mbps(uploads.p50_mbps)],
        [t("overview.bestSpeed"), format.mbps(uploads.p95_mbps)],
      ]} />
      ${reasons.length > 0 && html`<div><h3>${t("overview.reasons")}</h3><${Facts} entries=${reasons.map(([reason, n]) => [hasText(`overview.reason.${reason}`) ? t(`overview.reason.${reason}`) : reason, format.count(n)])} /></div>`}
    </div>
  </${Section}>`;
}

const MOST_ROWS = 8;

/** Which edges took uploads. */
export function ByEdge({ rows }) {
  const columns = [
    { id: "edge", label: t("overview.edge"), primary: true, render: (row) => row.edge },
    { id: "uploads", label: t("overview.uploads"), align: "end", render: (row) => format.count(row.uploads) },
    { id: "bytes", label: t("overview.bytes"), align: "end", render: (row) => format.bytes(row.bytes) },
    { id: "speed", label: t("overview.speed"), align: "end", render: (row) => format.mbps(row.p50_mbps) },
    { id: "errors", label: t("overview.errors"), align: "end", render: (row) => format.count(row.errors) },
  ];
  return html`<${Section} title=${t("overview.byEdge")}><${Table} caption=${t("overview.byEdge")} columns=${columns} rows=${rows.slice(0, MOST_ROWS)} rowKey=${(row) => row.edge} /></${Section}>`;
}

/** Where content went. */
export function ByCountry({ rows }) {
  const columns = [
    { id: "country", label: t("overview.country"), primary: true, render: (row) => format.country(row.country) },
    { id: "requests", label: t("overview.requests"), align: "end", render: (row) => format.count(row.requests) },
    { id: "bytes", label: t("overview.bytes"), align: "end", render: (row) => format.bytes(row.bytes) },
  ];
  return html`<${Section} title=${t("overview.byCountry")}><${Table} caption=${t("overview.byCountry")} columns=${columns} rows=${rows.slice(0, MOST_ROWS)} rowKey=${(row) => row.country} /></${Section}>`;
}
