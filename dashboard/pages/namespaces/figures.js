import { html } from "../../ui/html.js";
import { Section } from "../../ui/page.js";
import { Stat, Stats } from "../../ui/stat.js";
import { Await, Skeleton } from "../../ui/states.js";
import * as format from "../../lib/format.js";
import { t } from "../../lib/i18n.js";

/** What was delivered from a namespace since it exists. */
export function Figures({ query, expected }) {
  return html`<${Section} title=${t("namespaces.figures")} text=${t("namespaces.figuresText")}>
    <${Await} query=${query} skeleton=${html`<${Skeleton} lines=${1} height=${92} />`}>${(stats) => {
      const requests = stats.hits + stats.misses;
      return html`<${Stats} label=${t("namespaces.figures")}>
        <${Stat} label=${t("namespaces.rate")} value=${requests > 0 ? format.percent(stats.hit_rate) : format.UNKNOWN} note=${expected === null ? "" : t("namespaces.expected", { value: format.percent(expected) })} />
        <${Stat} label=${t("namespaces.requests")} value=${format.count(requests)} note=${t("namespaces.hitsOf", { value: format.count(stats.hits) })} />
        <${Stat} label=${t("namespaces.fromCache")} value=${format.bytes(stats.bytes_from_cache)} />
        <${Stat} label=${t("namespaces.fromOrigin")} value=${format.bytes(stats.bytes_from_origin)} />
        <${Stat} label=${t("namespaces.saved_usd")} value=${format.money(stats.cost_saved_usd)} />
      </${Stats}>`;
    }}</${Await}>
  </${Section}>`;
}
