import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Facts, Section } from "../../ui/page.js";
import * as format from "../../lib/format.js";
import { BOUNDS, CLASSES, FEATURES } from "../../lib/namespace-form.js";
import { t } from "../../lib/i18n.js";

/** The name of a class of files; `text` is a word of the page's own. */
export const className = (name) => t(`namespaces.${name === "text" ? "textClass" : name}`);

const word = (on) => html`<${Badge} tone=${on ? "good" : "neutral"}>${t(on ? "tiers.yes" : "tiers.no")}</${Badge}>`;
const orDefault = (value, write) => (value === null || value === undefined ? html`<span class="weak">${t("namespaces.default")}</span>` : write(value));
const ttl = (seconds) => (seconds === 0 ? t("namespaces.notCached") : format.duration(seconds));

/** How a namespace is set up. */
export function Settings({ namespace }) {
  const bounds = { hit_rate: format.percent, p95_ms: format.latency, upload_failure_percent: format.percent };
  return html`<${Section} title=${t("namespaces.settings")}>
    <div class="cards">
      <${Card} title=${t("namespaces.features")} entries=${FEATURES.map((name) => [t(`namespaces.${name}`), word(namespace.features[name])])} />
      <${Card} title=${t("namespaces.ttl").replace(/ \(.*\)$/, "")} entries=${CLASSES.map((name) => [className(name), orDefault(namespace.cache_ttl[name], ttl)])} />
      <${Card} title=${t("namespaces.policies")} entries=${[
        [t("namespaces.chunk_size").replace(/ \(.*\)$/, ""), orDefault(namespace.chunk_size, format.bytes)],
        [t("namespaces.allow_unsigned"), word(namespace.allow_unsigned)],
        [t("namespaces.cross_namespace_dedup"), word(namespace.cross_namespace_dedup)],
        [t("namespaces.origin_usd_per_gb"), orDefault(namespace.origin_usd_per_gb, format.money)],
      ]} />
      <${Card} title=${t("namespaces.alerts")} entries=${[...BOUNDS.map((name) => [t(`namespaces.${name}`), orDefault(namespace.alerts[name], bounds[name])]), [t("namespaces.expected_hit_rate"), namespace.expected_hit_rate === null ? format.UNKNOWN : format.percent(namespace.expected_hit_rate)]]} />
    </div>
    ${namespace.tags.length > 0 && html`<p class="under">${namespace.tags.map((tag) => html`<${Badge} key=${tag}>${tag}</${Badge}>`)}</p>`}
  </${Section}>`;
}

const Card = ({ title, entries }) => html`<div class="panel card"><h3>${title}</h3><${Facts} entries=${entries} /></div>`;
