import { html } from "../../ui/html.js";
import { Confirm, Dialog } from "../../ui/dialog.js";
import { Meter } from "../../ui/meter.js";
import { Facts } from "../../ui/page.js";
import { Rotate } from "../../ui/rotate.js";
import { toast } from "../../ui/toast.js";
import { accountPath } from "../../lib/account-path.js";
import { patch } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { useAction, useQuery } from "../../lib/query.js";
import { href } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";
import { bandwidthQuota, Status } from "./columns.js";
import { Deletion } from "./deletion.js";
import { Move } from "./move.js";
import { TierChange } from "./tier-change.js";


const KINDS = { details: Details, tier: TierChange, suspend: Suspension, rotate: Rotation, move: Move, delete: Deletion };

/** What is done to an account, in a dialog of its own. */
export function AccountDialog({ kind, ...rest }) {
  return html`<${KINDS[kind]} ...${rest} />`;
}

function Details({ account, tiers, onClose }) {
  const query = useQuery(accountPath(account));
  const now = query.data ?? account;
  const bandwidth = bandwidthQuota(now, tiers);
  return html`<${Dialog} title=${now.agentcache_user_id} wide onClose=${onClose}>
    ${now.storage_used_bytes !== null && html`<div class="meters">
      <${Meter} label=${t("accounts.storage")} used=${now.storage_used_bytes} reserved=${now.storage_reserved_bytes} limit=${now.storage_quota_bytes} />
      ${bandwidth !== null && html`<${Meter} label=${t("accounts.bandwidth")} used=${now.bandwidth_used_bytes} limit=${bandwidth} />`}
    </div>`}
    <div class="columns"><${Facts} entries=${[
      [t("accounts.status"), html`<${Status} status=${now.status} />`],
      [t("accounts.tier"), now.tier],
      [t("accounts.email"), now.agentcache_email],
      [t("accounts.namespace"), html`<a href=${href(["namespaces", now.namespace])}>${now.namespace}</a>`],
    ]} /><${Facts} entries=${[
      [t("accounts.objects"), format.count(now.objects)],
      [t("accounts.openUploads"), format.count(now.open_uploads)],
      [t("accounts.seen"), now.last_seen ? format.dateTime(now.last_seen) : t("accounts.never")],
      [t("accounts.created"), format.dateTime(now.created_at)],
      [t("accounts.deletingSince"), now.deleting_since ? format.dateTime(now.deleting_since) : null],
      [t("accounts.id"), html`<code>${now.id}</code>`],
    ]} /></div>
  </${Dialog}>`;
}

function Suspension({ account, onClose, onChanged }) {
  const user = account.agentcache_user_id;
  const suspend = useAction(async () => {
    await patch(accountPath(account), { status: "suspended" });
    toast(t("accounts.wasSuspended", { user }), { tone: "good" });
    onChanged();
    onClose();
  });
  return html`<${Confirm} title=${`${t("accounts.suspend")}: ${user}`} action=${t("accounts.suspend")} danger busy=${suspend.busy} error=${suspend.error} onConfirm=${suspend.run} onClose=${onClose}><p>${t("accounts.suspendText", { user })}</p></${Confirm}>`;
}

function Rotation({ account, onClose, onChanged }) {
  return html`<${Rotate} title=${t("accounts.rotateOf", { user: account.agentcache_user_id })} path=${`${accountPath(account)}/rotate`} onDone=${onChanged} onClose=${onClose} />`;
}
