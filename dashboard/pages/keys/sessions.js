import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { Section } from "../../ui/page.js";
import { Await, Empty, errorText, Skeleton } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { agentName } from "../../lib/agent.js";
import { del } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { signOut } from "../../lib/session.js";
import { t } from "../../lib/i18n.js";

/** The path of the list. */
export const SESSIONS = "/api/portal/sessions";

/** The browsers that are signed in, each of which can be signed out from here. */
export function Sessions({ query }) {
  const end = async (session) => {
    try {
      if (session.is_current) return await signOut();
      await del(`${SESSIONS}/${encodeURIComponent(session.id)}`);
      toast(t("keys.ended"), { tone: "good" });
    } catch (error) {
      if (error.status !== 404) toast(errorText(error), { tone: "bad" });
    }
    return query.reload();
  };
  return html`<${Section} title=${t("keys.sessions")} text=${t("keys.sessionsText")}>
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${3} height=${28} />`} isEmpty=${(data) => data.sessions.length === 0} empty=${html`<${Empty} icon="shield" title=${t("keys.noSessions")} />`}>
      ${(data) => html`<${Table} caption=${t("keys.sessions")} columns=${columnsOf(end)} rows=${data.sessions} rowKey=${(session) => session.id} />`}
    </${Await}>
  </${Section}>`;
}

const nameOf = (session) => agentName(session.user_agent) ?? t("keys.unknownBrowser");

const columnsOf = (end) => [
  { id: "browser", label: t("keys.browser"), primary: true, render: (session) => html`<span>${nameOf(session)} ${session.is_current && html`<${Badge} tone="accent">${t("keys.thisOne")}</${Badge}>`}</span>` },
  { id: "country", label: t("keys.country"), render: (session) => format.country(session.country) },
  { id: "created", label: t("keys.signedIn"), align: "end", render: (session) => html`<time datetime=${session.created_at} title=${format.dateTime(session.created_at)}>${format.relative(session.created_at)}</time>` },
  { id: "expires", label: t("keys.expires"), align: "end", render: (session) => format.dateTime(session.expires_at) },
  { id: "end", label: t("action.actions"), actions: true, render: (session) => html`<${EndButton} session=${session} end=${end} />` },
];

function EndButton({ session, end }) {
  const name = nameOf(session);
  const label = session.is_current ? `${t("nav.signOut")}: ${name}` : t("keys.endLabel", { name });
  return html`<${Button} kind="quiet" aria-label=${label} onClick=${() => end(session)}>${session.is_current ? t("nav.signOut") : t("keys.end")}</${Button}>`;
}
