import { html, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { Confirm } from "../../ui/dialog.js";
import { Form, SelectField, TextField } from "../../ui/form.js";
import { Menu } from "../../ui/menu.js";
import { Section } from "../../ui/page.js";
import { Empty, errorText } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { del, put } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

/** Who is in a namespace, with which role. */
export function Members({ path, members, managers, onChanged }) {
  const [leaving, setLeaving] = useState(null);
  const rows = [...members].sort().map((user) => ({ user, role: managers.includes(user) ? "manager" : "member" }));
  const setRole = async (user, role) => {
    try {
      await put(`${path}/members/${encodeURIComponent(user)}`, { role });
      onChanged();
    } catch (error) {
      toast(errorText(error), { tone: "bad" });
    }
  };
  const columns = [
    { id: "user", label: t("namespaces.user"), primary: true, render: ({ user }) => user },
    { id: "role", label: t("namespaces.role"), render: ({ role }) => html`<${Badge} tone=${role === "manager" ? "accent" : "neutral"}>${t(`namespaces.${role}`)}</${Badge}>` },
    { id: "actions", label: t("action.actions"), actions: true, render: ({ user, role }) => html`<${Menu} label=${`${t("action.actions")}: ${user}`} items=${[
      role === "member" ? { label: t("namespaces.makeManager"), icon: "up", act: () => setRole(user, "manager") } : { label: t("namespaces.makeMember"), icon: "down", act: () => setRole(user, "member") },
      { label: t("namespaces.remove"), icon: "trash", danger: true, act: () => setLeaving(user) },
    ]} />` },
  ];
  return html`<${Section} title=${t("namespaces.members")} text=${t("namespaces.membersText")}>
    <${Add} path=${path} onAdded=${onChanged} />
    ${rows.length === 0 ? html`<${Empty} icon="accounts" title=${t("namespaces.noMembers")} />` : html`<${Table} caption=${t("namespaces.members")} columns=${columns} rows=${rows} rowKey=${({ user }) => user} />`}
    ${leaving && html`<${Leave} path=${path} user=${leaving} onClose=${() => setLeaving(null)} onDone=${onChanged} />`}
  </${Section}>`;
}

function Add({ path, onAdded }) {
  const [user, setUser] = useState("");
  const [role, setRole] = useState("member");
  const add = useAction(async () => {
    await put(`${path}/members/${encodeURIComponent(user.trim())}`, { role });
    toast(t("namespaces.memberAdded", { user: user.trim() }), { tone: "good" });
    setUser("");
    onAdded();
  });
  const roles = ["member", "manager"].map((value) => ({ value, label: t(`namespaces.${value}`) }));
  return html`<${Form} class="inline" onSubmit=${() => user.trim() && add.run()} error=${add.error}>
    <${TextField} label=${t("namespaces.user")} value=${user} onInput=${setUser} spellcheck=${false} autocapitalize="off" autocomplete="off" />
    <${SelectField} label=${t("namespaces.role")} value=${role} options=${roles} onChange=${setRole} />
    <${Button} type="submit" icon="plus" busy=${add.busy} disabled=${!user.trim()}>${t("namespaces.addMember")}</${Button}>
  </${Form}>`;
}

function Leave({ path, user, onClose, onDone }) {
  const remove = useAction(async () => {
    await del(`${path}/members/${encodeURIComponent(user)}`);
    toast(t("namespaces.memberRemoved", { user }), { tone: "good" });
    onDone();
    onClose();
  });
  return html`<${Confirm} title=${t("namespaces.removeTitle", { user })} action=${t("namespaces.remove")} danger busy=${remove.busy} error=${remove.error} onConfirm=${remove.run} onClose=${onClose}><p>${t("namespaces.removeText")}</p></${Confirm}>`;
}
