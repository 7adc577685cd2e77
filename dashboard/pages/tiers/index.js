import { html, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { PageHeader } from "../../ui/page.js";
import { Await, Skeleton } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { useQuery } from "../../lib/query.js";
import { LIMITS, limitText } from "../../lib/tiers.js";
import { t } from "../../lib/i18n.js";
import { TierEditor } from "./editor.js";

/** All tiers, each of which can be edited. */
export function Tiers() {
  const query = useQuery("/api/portal/tiers");
  const [editing, setEditing] = useState(null);
  const columns = [
    { id: "tier", label: t("tiers.tier"), primary: true, render: (tier) => html`<strong>${tier.tier}</strong>` },
    ...LIMITS.map((limit) => ({ id: limit.name, label: t(`tiers.${limit.name}`), align: "end", render: (tier) => limitText(tier, limit) })),
    { id: "sessions", label: t("tiers.jetty_speed_enabled"), align: "end", render: (tier) => html`<${Badge} tone=${tier.jetty_speed_enabled ? "good" : "neutral"}>${t(tier.jetty_speed_enabled ? "tiers.yes" : "tiers.no")}</${Badge}>` },
    { id: "edit", label: t("action.actions"), actions: true, render: (tier) => html`<${Button} kind="quiet" icon="edit" label=${t("tiers.editOf", { tier: tier.tier })} onClick=${() => setEditing(tier)} />` },
  ];
  return html`<${PageHeader} title=${t("page.tiers")} text=${t("tiers.text")} />
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${6} height=${32} />`}>
      ${(data) => html`<${Table} caption=${t("page.tiers")} columns=${columns} rows=${data.tiers} rowKey=${(tier) => tier.tier} />`}
    </${Await}>
    ${editing && html`<${TierEditor} tier=${editing} onClose=${() => setEditing(null)} onSaved=${query.reload} />`}`;
}
