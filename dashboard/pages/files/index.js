import { html } from "../../ui/html.js";
import { PageHeader } from "../../ui/page.js";
import { t } from "../../lib/i18n.js";

export function Files() {
  return html`<${PageHeader} title=${t("page.files")} />`;
}
