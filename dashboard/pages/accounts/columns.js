import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Menu } from "../../ui/menu.js";
import { SmallMeter } from "../../ui/meter.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";

const TONES = { active: "good", suspended: "warn", deleting: "bad" };

/** `active`, `suspended` or `deleting`, as a word. */
export const Status = ({ status }) => html`<${Badge} tone=${TONES[status] ?? "neutral"}>${t(`accounts.${status}`)}</${Badge}>`;

/** The bytes a month that an account's tier allows; null while the tiers are not known. */
export const bandwidthQuota = (account, tiers) => {
  const tier = tiers.find(({ tier: name }) => name === account.tier);
  return tier ? tier.bandwidth_quota_gb * 1e9 : null;
};

/** The columns of the list. `open` gets what is to be done, and the account. */
export const columnsOf = ({ tiers, open, resume }) => [
  { id: "user", label: t("accounts.user"), primary: true, render: (account) => html`<span class="two"><button type="button" class="link" onClick=${() => open("details", account)}>${account.agentcache_user_id}</button><span class="weak">${account.agentcache_email}</span></span>` },
  { id: "tier", label: t("accounts.tier"), render: (account) => account.tier },
  { id: "status", label: t("accounts.status"), render: (account) => html`<${Status} status=${account.status} />` },
  { id: "storage", label: t("accounts.storage"), render: (account) => html`<${SmallMeter} label=${t("accounts.storage")} used=${account.storage_used_bytes} reserved=${account.storage_reserved_bytes} limit=${account.storage_quota_bytes} />` },
  { id: "bandwidth", label: t("accounts.bandwidth"), render: (account) => bandwidthOf(account, tiers) },
  { id: "seen", label: t("accounts.seen"), align: "end", render: (account) => (account.last_seen ? html`<time datetime=${account.last_seen} title=${format.dateTime(account.last_seen)}>${format.relative(account.last_seen)}</time>` : html`<span class="weak">${t("accounts.never")}</span>`) },
  { id: "actions", label: t("action.actions"), actions: true, render: (account) => html`<${Menu} label=${`${t("action.actions")}: ${account.agentcache_user_id}`} items=${itemsOf(account, open, resume)} />` },
];

function bandwidthOf(account, tiers) {
  const limit = bandwidthQuota(account, tiers);
  if (limit === null) return format.bytes(account.bandwidth_used_bytes);
  return html`<${SmallMeter} label=${t("accounts.bandwidth")} used=${account.bandwidth_used_bytes} limit=${limit} />`;
}

function itemsOf(account, open, resume) {
  const details = { label: t("accounts.details"), icon: "info", act: () => open("details", account) };
  // Whatever would change an account that is being deleted is refused.
  if (account.status === "deleting") return [details];
  return [
    details,
    { label: t("accounts.changeTier"), icon: "tiers", act: () => open("tier", account) },
    { label: t("accounts.rotate"), icon: "keys", act: () => open("rotate", account) },
    { label: t("accounts.move"), icon: "right", act: () => open("move", account) },
    account.status === "suspended"
      ? { label: t("accounts.resume"), icon: "play", act: () => resume(account) }
      : { label: t("accounts.suspend"), icon: "pause", act: () => open("suspend", account) },
    { label: t("accounts.delete"), icon: "trash", danger: true, act: () => open("delete", account) },
  ];
}
