import { html, useState } from "../../ui/html.js";
import { AwaitAll } from "../../ui/await-all.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { PageHeader, Section } from "../../ui/page.js";
import { Rotate } from "../../ui/rotate.js";
import { Empty } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import * as format from "../../lib/format.js";
import { useQuery } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";
import { Sessions, SESSIONS } from "./sessions.js";

/** The account's credentials and its browser sessions. */
export function Keys() {
  const query = useQuery("/api/portal/keys");
  const sessions = useQuery(SESSIONS, { every: 60_000 });
  const [rotating, setRotating] = useState(false);
  return html`<${PageHeader} title=${t("page.keys")} text=${t("keys.text")}>
      <${Button} kind="primary" icon="retry" onClick=${() => setRotating(true)}>${t("keys.rotateTitle")}</${Button}>
    </${PageHeader}>
    <${AwaitAll} queries=${[query, sessions]}>${(data) => html`
      <${Section} title=${t("keys.api")} text=${t("keys.apiText")}>
        ${data.keys.length === 0 ? html`<${Empty} icon="keys" title=${t("keys.none")} />` : html`<${Credentials} keys=${data.keys} />`}
      </${Section}>
      <${Sessions} query=${sessions} />`}
    </${AwaitAll}>
    ${rotating && html`<${Rotate} title=${t("keys.rotateTitle")} text=${t("keys.rotateText")} path="/api/portal/keys/rotate" onDone=${query.reload} onClose=${() => setRotating(false)} />`}`;
}

function Credentials({ keys }) {
  const columns = [
    { id: "fingerprint", label: t("keys.fingerprint"), primary: true, render: (key) => html`<code>${key.fingerprint}</code>` },
    { id: "state", label: t("keys.state"), render: stateOf },
    { id: "created", label: t("keys.created"), align: "end", render: (key) => (Date.parse(key.created_at) > 0 ? format.dateTime(key.created_at) : format.UNKNOWN) },
    { id: "expires", label: t("keys.expires"), align: "end", render: (key) => (key.expires_at ? html`<span>${format.dateTime(key.expires_at)} <span class="weak">· ${format.relative(key.expires_at)}</span></span>` : html`<span class="weak">${t("keys.noEnd")}</span>`) },
  ];
  return html`<${Table} caption=${t("keys.api")} columns=${columns} rows=${keys} rowKey=${(key) => key.fingerprint} />`;
}

function stateOf({ expires_at: expires }) {
  if (!expires) return html`<${Badge} tone="good">${t("keys.current")}</${Badge}>`;
  if (Date.parse(expires) <= Date.now()) return html`<${Badge}>${t("keys.expired")}</${Badge}>`;
  return html`<${Badge} tone="warn">${t("keys.expiring")}</${Badge}>`;
}
