import { texts } from "../texts/index.js";
import { language } from "./preferences.js";

const rules = new Map();
const ruleOf = (locale) => {
  if (!rules.has(locale)) rules.set(locale, new Intl.PluralRules(locale));
  return rules.get(locale);
};

/**
 * The text of `key` in a language. `{name}` in it is replaced by `values.name`. A text that depends on a number is {one, other}, chosen by `values.n`.
 * @param {string} locale
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function translate(table, locale, key, values = {}) {
  const entry = table[key];
  // A key without a text is a defect, but not one that may stop a page.
  if (!entry) return key;
  let text = entry[locale] ?? entry.en;
  if (typeof text === "object") text = text[ruleOf(locale).select(Number(values.n))] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The text of `key` in the language that is chosen. */
export const t = (key, values) => translate(texts, language.get(), key, values);

/** Whether there is a text of `key`. */
export const hasText = (key) => key in texts;
