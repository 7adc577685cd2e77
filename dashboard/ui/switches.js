import { html } from "./html.js";
import { useStore } from "../lib/store.js";
import { language, theme } from "../lib/preferences.js";
import { t } from "../lib/i18n.js";
import { Segments } from "./tabs.js";

/** Light, dark, or as the system has it. */
export function ThemeSwitch() {
  const value = useStore(theme);
  const options = ["system", "light", "dark"].map((name) => ({ value: name, label: t(`theme.${name}`) }));
  return html`<${Segments} label=${t("theme.label")} value=${value} options=${options} onChange=${theme.set} />`;
}

/** German or English. */
export function LanguageSwitch() {
  const value = useStore(language);
  const options = [
    { value: "en", label: "EN" },
    { value: "de", label: "DE" },
  ];
  return html`<${Segments} label=${t("language.label")} value=${value} options=${options} onChange=${language.set} />`;
}
