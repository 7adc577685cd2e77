import { createStore } from "./store.js";

const remembered = (key, allowed, otherwise) => {
  try {
    const value = localStorage.getItem(key);
    return allowed.includes(value) ? value : otherwise;
  } catch {
    // Storage may be switched off.
    return otherwise;
  }
};

const remember = (key, value) => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it holds until the page is closed.
  }
};

export const LANGUAGES = ["en", "de"];
export const THEMES = ["system", "light", "dark"];

const ofBrowser = () => (typeof navigator !== "undefined" && navigator.language?.startsWith("de") ? "de" : "en");

/** The language of texts, numbers and times. */
export const language = createStore(remembered("language", LANGUAGES, ofBrowser()));
/** `system`, `light` or `dark`. */
export const theme = createStore(remembered("theme", THEMES, "system"));

/** Applies both to the document, now and whenever they change. */
export function applyPreferences() {
  const apply = () => {
    document.documentElement.lang = language.get();
    document.documentElement.dataset.theme = theme.get();
  };
  language.subscribe((value) => {
    remember("language", value);
    apply();
  });
  theme.subscribe((value) => {
    remember("theme", value);
    apply();
  });
  apply();
}
