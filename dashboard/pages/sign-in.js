import { html, useState } from "../ui/html.js";
import { Mark } from "../ui/brand.js";
import { Button } from "../ui/button.js";
import { Form, TextField } from "../ui/form.js";
import { Segments } from "../ui/tabs.js";
import { LanguageSwitch, ThemeSwitch } from "../ui/switches.js";
import { Failure } from "../ui/states.js";
import { ending, signIn } from "../lib/session.js";
import { useAction } from "../lib/query.js";
import { useStore } from "../lib/store.js";
import { t } from "../lib/i18n.js";

const NOTES = { expired: "signIn.expired", left: "signIn.left" };

/** Exchanges key and secret, or the operator's token, for a session. */
export function SignIn() {
  const [kind, setKind] = useState("account");
  const [key, setKey] = useState("");
  const [secret, setSecret] = useState("");
  const [token, setToken] = useState("");
  const why = useStore(ending);
  const enter = useAction(() => signIn(kind === "operator" ? { token: token.trim() } : { key: key.trim(), secret: secret.trim() }));
  const complete = kind === "operator" ? token.trim() : key.trim() && secret.trim();

  const choose = (next) => {
    setKind(next);
    enter.clear();
  };
  return html`<main class="sign-in">
    <div class="sign-in-card">
      <div class="brand"><${Mark} size=${28} /><span>JettySpeed</span></div>
      <h1 tabindex="-1">${t("signIn.title")}</h1>
      <p class="page-text" role="status">${NOTES[why] ? t(NOTES[why]) : t("signIn.text")}</p>
      <${Segments} label=${t("signIn.as")} value=${kind} onChange=${choose} options=${[
        { value: "account", label: t("signIn.account") },
        { value: "operator", label: t("signIn.operator") },
      ]} />
      <${Form} onSubmit=${() => complete && enter.run()}>
        ${kind === "account"
          ? html`<${TextField} key="key" label=${t("signIn.key")} value=${key} onInput=${setKey} autocomplete="username" spellcheck=${false} autocapitalize="off" placeholder="jt_live_…" required />
            <${TextField} key="secret" label=${t("signIn.secret")} type="password" value=${secret} onInput=${setSecret} autocomplete="current-password" placeholder="jts_…" required />`
          : html`<${TextField} key="token" label=${t("signIn.token")} type="password" value=${token} onInput=${setToken} autocomplete="current-password" required />`}
        ${enter.error && html`<${Failure} compact error=${refused(enter.error)} />`}
        <${Button} type="submit" kind="primary" busy=${enter.busy} disabled=${!complete}>${t("signIn.enter")}</${Button}>
      </${Form}>
      <p class="field-hint">${t("signIn.note")}</p>
    </div>
    <div class="switches"><${LanguageSwitch} /><${ThemeSwitch} /></div>
  </main>`;
}

// The API's words about Authorization headers are of no use to somebody in front of a form.
const refused = (error) => (error.status === 401 ? Object.assign(Object.create(error), { code: "sign-in-refused" }) : error);
