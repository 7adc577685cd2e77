import { render } from "preact";
import { html, useEffect, useRef } from "./ui/html.js";
import { Layout } from "./ui/layout.js";
import { Empty, Failure, Skeleton } from "./ui/states.js";
import { PageHeader } from "./ui/page.js";
import { Toasts } from "./ui/toast.js";
import { Button } from "./ui/button.js";
import { pages } from "./pages/index.js";
import { SignIn } from "./pages/sign-in.js";
import { failure, loadSession, session } from "./lib/session.js";
import { applyPreferences, language } from "./lib/preferences.js";
import { navigate, route, startRouter } from "./lib/router.js";
import { useStore } from "./lib/store.js";
import { t } from "./lib/i18n.js";

function App() {
  const who = useStore(session);
  const failed = useStore(failure);
  const at = useStore(route);
  // Everything is rendered again in another language: texts are no state.
  const locale = useStore(language);

  const page = who ? pages.find(({ id }) => id === at.page) : null;
  const title = who === null ? t("signIn.title") : page ? t(`page.${page.id}`) : "";
  useTitle(title, who === undefined ? "" : who ? at.page : "sign-in");
  useEffect(() => {
    if (who && at.page === "") navigate(firstPage(who), {}, { replace: true });
  }, [who, at.page]);

  let content;
  if (failed) content = html`<main class="sign-in"><${Failure} error=${failed} retry=${loadSession} /></main>`;
  else if (who === undefined) content = html`<div class="starting"><${Skeleton} lines=${3} /></div>`;
  else if (who === null) content = html`<${SignIn} />`;
  else {
    const shown = page?.for.includes(who.kind) ? html`<${page.component} key=${page.id} rest=${at.rest} query=${at.query} who=${who} />` : at.page ? html`<${NoPage} who=${who} />` : null;
    content = html`<${Layout} pages=${pages} current=${at.page} who=${who}>${shown}</${Layout}>`;
  }
  return html`<div key=${locale} class="root">${content}<${Toasts} /></div>`;
}

const firstPage = (who) => pages.find((page) => page.for.includes(who.kind)).id;

function NoPage({ who }) {
  return html`<${PageHeader} title=${t("noPage.title")} />
    <${Empty} icon="search" title=${t("noPage.text")}><${Button} href=${`#/${firstPage(who)}`}>${t("noPage.back")}</${Button}></${Empty}>`;
}

/** The window's title; on a change of the page the focus goes to its name, as it would with a page of its own. */
function useTitle(title, page) {
  const before = useRef(null);
  useEffect(() => {
    document.title = title ? `${title} · JettySpeed` : "JettySpeed";
  }, [title]);
  useEffect(() => {
    if (page === "") return;
    if (before.current !== null && before.current !== page) {
      scrollTo(0, 0);
      document.querySelector("main h1")?.focus({ preventScroll: true });
    }
    before.current = page;
  }, [page]);
}

applyPreferences();
startRouter();
render(html`<${App} />`, document.getElementById("app"));
loadSession();
