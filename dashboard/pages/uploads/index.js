import { html, useCallback, useEffect, useRef, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { PageHeader, Section } from "../../ui/page.js";
import { Await, Empty, Pending } from "../../ui/states.js";
import { More } from "../../ui/table.js";
import { t } from "../../lib/i18n.js";
import { listen } from "../../lib/live.js";
import { usePages } from "../../lib/query.js";
import { useStore } from "../../lib/store.js";
import { applied } from "../../lib/upload/live-state.js";
import { transfers } from "../../lib/upload/queue.js";
import { Transfers } from "../transfers/index.js";
import { History } from "./history.js";
import { Running } from "./running.js";

const EVERY_MS = 30_000;

/** Uploads while they run, wherever they were begun, and what became of earlier ones. */
export function Uploads({ query }) {
  const open = usePages("/api/jetty/sessions?status=open&limit=50", "sessions", { every: EVERY_MS });
  const { live, connected, ends } = useLive(open);
  const mine = new Set(useStore(transfers).map(({ session }) => session));
  const rows = open.rows.filter(({ sessionId }) => !mine.has(sessionId));
  const none = html`<${Empty} icon="uploads" title=${t("uploads.none")} text=${t("uploads.noneText")} />`;
  return html`<${PageHeader} title=${t("page.uploads")} text=${t("uploads.text")}><${Badge} tone=${connected ? "good" : "neutral"}>${t(connected ? "uploads.live" : "uploads.notLive")}</${Badge}></${PageHeader}>
    <${Transfers} detailed />
    <${Section} title=${t("uploads.running")} text=${t("uploads.runningText")}>
      <${Await} query=${open} isEmpty=${() => rows.length === 0} empty=${none} skeleton=${html`<${Pending}>${none}</${Pending}>`}>${() => html`
        <ul class="running">${rows.map((row) => html`<${Running} key=${row.sessionId} row=${row} live=${live.get(row.sessionId)} onEnd=${open.reload} />`)}</ul>
        <${More} pages=${open} />`}
      </${Await}>
    </${Section}>
    <${History} status=${query.status} ends=${ends} />`;
}

/** The feed's state, and how many uploads have ended since the page was opened. */
function useLive(open) {
  const [live, setLive] = useState(() => new Map());
  const [connected, setConnected] = useState(false);
  const [ends, setEnds] = useState(0);
  const known = useRef(new Set());
  known.current = new Set(open.rows.map(({ sessionId }) => sessionId));
  const { reload } = open;
  const message = useCallback(
    (one) => {
      setLive((before) => applied(before, one, performance.now()));
      if (!one.upload) return;
      const ended = one.type !== "upload.progress";
      if (ended) setEnds((n) => n + 1);
      // What began or ended elsewhere is not in the list, or not any more.
      if (ended || (one.upload.session && !known.current.has(one.upload.session))) reload();
    },
    [reload],
  );
  useEffect(() => listen(message, setConnected), [message]);
  return { live, connected, ends };
}
