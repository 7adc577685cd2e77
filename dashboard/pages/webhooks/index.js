import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { PageHeader } from "../../ui/page.js";
import { Await, Empty, Skeleton } from "../../ui/states.js";
import { getAll } from "../../lib/api.js";
import { useQuery } from "../../lib/query.js";
import { setQuery } from "../../lib/router.js";
import { manageable } from "../../lib/webhooks.js";
import { t } from "../../lib/i18n.js";
import { Deliveries } from "./deliveries.js";
import { Endpoints } from "./endpoints.js";

/** Webhooks of a namespace; `#/webhooks/{namespace}/{webhook}` are the deliveries of one. */
export function Webhooks({ rest, query, who }) {
  const [namespace, webhook] = rest;
  if (namespace && webhook) return html`<${Deliveries} namespace=${namespace} id=${webhook} />`;
  return html`<${Namespaces} wanted=${query.namespace} who=${who} />`;
}

function Namespaces({ wanted, who }) {
  const query = useQuery("/api/portal/namespaces?all", { load: (signal) => getAll("/api/portal/namespaces", "namespaces", {}, { signal }) });
  const [adding, setAdding] = useState(false);
  const choices = query.data ? manageable(query.data, who) : [];
  const namespace = choices.find(({ name }) => name === wanted)?.name ?? choices[0]?.name;
  const empty = html`<${Empty} icon="webhooks" title=${t("webhooks.noNamespace")} text=${t("webhooks.noNamespaceText")} />`;
  return html`<${PageHeader} title=${t("page.webhooks")} text=${t("webhooks.text")}>
      ${choices.length > 1 && html`<select class="input choice" aria-label=${t("webhooks.namespace")} value=${namespace} onChange=${(event) => setQuery({ namespace: event.currentTarget.value })}>
        ${choices.map(({ name, display_name: shown }) => html`<option key=${name} value=${name} selected=${name === namespace}>${shown && shown !== name ? `${shown} (${name})` : name}</option>`)}
      </select>`}
      <${Button} kind="primary" icon="plus" disabled=${!namespace} onClick=${() => setAdding(true)}>${t("webhooks.add")}</${Button}>
    </${PageHeader}>
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${4} height=${28} />`} isEmpty=${() => choices.length === 0} empty=${empty}>
      ${() => html`<${Endpoints} key=${namespace} namespace=${namespace} adding=${adding} onAdd=${setAdding} />`}
    </${Await}>`;
}
