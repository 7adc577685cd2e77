import { html, useEffect, useRef, useState } from "./html.js";
import { Button } from "./button.js";
import { Mark } from "./brand.js";
import { Icon } from "./icons.js";
import { LanguageSwitch, ThemeSwitch } from "./switches.js";
import { toast } from "./toast.js";
import { href, route } from "../lib/router.js";
import { signOut } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../lib/i18n.js";
import { errorText } from "./states.js";

/**
 * The frame of all pages: navigation at the side, or behind a button on narrow screens.
 * @param {{pages: import("../pages/index.js").Page[], current: string, who: object}} props
 */
export function Layout({ pages, current, who, children }) {
  const [open, setOpen] = useState(false);
  const at = useStore(route);
  const button = useRef(null);
  useEffect(() => setOpen(false), [at.page]);
  useEffect(() => {
    if (!open) return undefined;
    const keys = (event) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.querySelector("button")?.focus();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, [open]);

  const skip = (event) => {
    event.preventDefault();
    document.querySelector("main h1")?.focus();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>${t("nav.skip")}</a>
    <div class=${open ? "frame frame-open" : "frame"}>
      <header class="topbar">
        <span ref=${button}><${Button} kind="quiet" icon=${open ? "close" : "menu"} label=${t(open ? "nav.close" : "nav.open")} aria-expanded=${open} aria-controls="side" onClick=${() => setOpen(!open)} /></span>
        <${Brand} />
      </header>
      <div class="side" id="side">
        <${Brand} />
        <nav aria-label=${t("nav.label")}>${groupsOf(pages, who).map((group) => html`<${Group} key=${group.name} group=${group} current=${current} />`)}</nav>
        <${Foot} who=${who} />
      </div>
      <main id="main">${children}</main>
    </div>
    <${Connection} />`;
}

const Brand = () => html`<a class="brand" href="#/overview"><${Mark} /><span>JettySpeed</span></a>`;

/** Pages in their groups; an account sees those of accounts only, and an operator those that an operator's session can use. */
export function groupsOf(pages, who) {
  const mine = pages.filter((page) => page.for.includes(who.kind));
  return ["account", "operator"].map((name) => ({ name, pages: mine.filter((page) => page.group === name) })).filter((group) => group.pages.length > 0);
}

function Group({ group, current }) {
  const name = t(`nav.${group.name}`);
  return html`<div class="nav-group"><h2 class="nav-title">${name}</h2><ul>
    ${group.pages.map((page) => html`<li key=${page.id}><a class="nav-link" href=${href(page.id)} aria-current=${page.id === current ? "page" : undefined}><${Icon} name=${page.id} /><span>${t(`page.${page.id}`)}</span></a></li>`)}
  </ul></div>`;
}

function Foot({ who }) {
  const leave = () => signOut().catch((error) => toast(errorText(error), { tone: "bad" }));
  return html`<div class="side-foot">
    <div class="switches"><${LanguageSwitch} /><${ThemeSwitch} /></div>
    <div class="who"><div><strong>${who.agentcache_user_id ?? t("nav.operatorName")}</strong><span>${who.tier ?? t("nav.operatorText")}</span></div>
      <${Button} kind="quiet" icon="out" label=${t("nav.signOut")} onClick=${leave} /></div>
  </div>`;
}

/** Says when the browser is offline; what is shown stays. */
function Connection() {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  return html`<div class="connection" role="status">${online ? null : html`<p><${Icon} name="offline" /> ${t("state.offlineBanner")}</p>`}</div>`;
}
