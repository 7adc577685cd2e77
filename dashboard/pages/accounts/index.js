import { html, useEffect, useState } from "../../ui/html.js";
import { AwaitAll } from "../../ui/await-all.js";
import { Button } from "../../ui/button.js";
import { PageHeader } from "../../ui/page.js";
import { SearchField } from "../../ui/search-field.js";
import { Empty, errorText } from "../../ui/states.js";
import { More, Table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { patch, withQuery } from "../../lib/api.js";
import { usePages, useQuery } from "../../lib/query.js";
import { setQuery } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";
import { columnsOf } from "./columns.js";
import { AccountDialog } from "./dialogs.js";
import { Provision } from "./provision.js";

/** All accounts: search, and everything that an operator does to one. */
export function Accounts({ query }) {
  const [search, setSearch] = useState(query.q ?? "");
  const [asked, setAsked] = useState(search);
  const [open, setOpen] = useState(null);
  const [adding, setAdding] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setAsked(search.trim());
      setQuery({ q: search.trim() });
    }, 250);
    return () => clearTimeout(timer);
  }, [search]);
  const pages = usePages(withQuery("/api/portal/accounts", { limit: 50, q: asked }), "accounts");
  const tiers = useQuery("/api/portal/tiers");

  const resume = async (account) => {
    try {
      await patch(`/api/portal/accounts/${encodeURIComponent(account.agentcache_user_id)}`, { status: "active" });
      toast(t("accounts.wasResumed", { user: account.agentcache_user_id }), { tone: "good" });
      pages.reload();
    } catch (error) {
      toast(errorText(error), { tone: "bad" });
    }
  };
  const columns = columnsOf({ tiers: tiers.data?.tiers ?? [], open: (kind, account) => setOpen({ kind, account }), resume });
  const empty = asked
    ? html`<${Empty} icon="search" title=${t("accounts.noneFound")} />`
    : html`<${Empty} icon="accounts" title=${t("accounts.none")} text=${t("accounts.noneText")}><${Button} kind="primary" icon="plus" onClick=${() => setAdding(true)}>${t("accounts.add")}</${Button}></${Empty}>`;
  return html`<${PageHeader} title=${t("page.accounts")} text=${t("accounts.text")}>
      <${SearchField} label=${t("accounts.searchLabel")} placeholder=${t("accounts.search")} value=${search} onInput=${setSearch} />
      <${Button} kind="primary" icon="plus" onClick=${() => setAdding(true)}>${t("accounts.add")}</${Button}>
    </${PageHeader}>
    <${AwaitAll} queries=${[pages, tiers]}>
      ${() => (pages.rows.length === 0 ? empty : html`<${Table} caption=${t("page.accounts")} columns=${columns} rows=${pages.rows} rowKey=${(account) => account.id} /><${More} pages=${pages} />`)}
    </${AwaitAll}>
    ${open && html`<${AccountDialog} kind=${open.kind} account=${open.account} tiers=${tiers.data?.tiers ?? []} onClose=${() => setOpen(null)} onChanged=${pages.reload} />`}
    ${adding && html`<${Provision} tiers=${tiers.data?.tiers ?? []} onClose=${() => setAdding(false)} onDone=${pages.reload} />`}`;
}
