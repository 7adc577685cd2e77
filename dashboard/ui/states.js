// What a page shows when it has nothing to show: the same everywhere.
import { html, useEffect, useState } from "./html.js";
import { Button } from "./button.js";
import { CopyButton } from "./copy.js";
import { Icon } from "./icons.js";
import { hasText, t } from "../lib/i18n.js";
import * as format from "../lib/format.js";

/** Grey lines in the size of what comes, so that nothing moves when it does. */
export function Skeleton({ lines = 3, height }) {
  const rows = Array.from({ length: lines }, (_, index) => html`<div class="skeleton" key=${index} style=${height ? { height: `${height}px` } : undefined}></div>`);
  return html`<div class="skeletons" role="status" aria-label=${t("state.loading")}>${rows}</div>`;
}

/** Keeps the room of what most likely comes, which is its child, until that is known. */
export const Pending = ({ children }) => html`<div class="pending" role="status" aria-label=${t("state.loading")}><div aria-hidden="true" inert>${children}</div></div>`;

/** There is nothing yet. `children` is what one can do about it. */
export function Empty({ icon = "info", title, text, children }) {
  return html`<div class="state">
    <${Icon} name=${icon} size=${28} />
    <p class="state-title">${title}</p>
    ${text && html`<p class="state-text">${text}</p>`}
    ${children && html`<div class="state-actions">${children}</div>`}
  </div>`;
}

/** The text of a failure in the chosen language; the API's own sentence where there is none for its code. */
export function errorText(error) {
  const key = `error.${error.code}`;
  if (hasText(key)) return t(key);
  return error.detail ?? t("error.other");
}

function Countdown({ seconds, onEnd }) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    const until = Date.now() + seconds * 1000;
    const timer = setInterval(() => {
      const rest = Math.ceil((until - Date.now()) / 1000);
      setLeft(Math.max(0, rest));
      if (rest <= 0) {
        clearInterval(timer);
        onEnd?.();
      }
    }, 250);
    return () => clearInterval(timer);
  }, [seconds]);
  return html`<span class="numbers">${t("state.countdown", { time: format.duration(left) })}</span>`;
}

/**
 * A failed call: what happened, the request's id for whoever helps, and what one can do. Offline and rate-limited have faces of their own.
 * @param {{error: import("../lib/api.js").ApiError, retry?: () => void, compact?: boolean}} props
 */
export function Failure({ error, retry, compact = false }) {
  const offline = error.code === "offline";
  const limited = error.status === 429 && error.retryAfter;
  const title = offline ? t("state.offline") : limited ? t("state.limited") : t("state.failed");
  return html`<div class=${compact ? "failure failure-compact" : "state"} role="alert">
    <${Icon} name=${offline ? "offline" : limited ? "clock" : "warning"} size=${compact ? 18 : 28} />
    <div class="failure-body">
      <p class="state-title">${title}</p>
      <p class="state-text">${errorText(error)}${limited && html` <${Countdown} seconds=${error.retryAfter} onEnd=${retry} />`}</p>
      ${error.requestId && html`<p class="request-id">${t("state.request")} <code>${error.requestId}</code> <${CopyButton} text=${error.requestId} label=${t("state.copyRequest")} /></p>`}
      ${retry && !limited && html`<div class="state-actions"><${Button} icon="retry" onClick=${retry}>${t("action.retry")}</${Button}></div>`}
    </div>
  </div>`;
}

/**
 * Shows what a query has got, or the state that it is in. `children` is a function of the data.
 * @param {{query: ReturnType<import("../lib/query.js").useQuery>, skeleton?: unknown, empty?: unknown, isEmpty?: (data: any) => boolean}} props
 */
export function Await({ query, skeleton, empty, isEmpty, children }) {
  if (query.loading) return skeleton ?? html`<${Skeleton} lines=${4} />`;
  if (query.error && query.data === undefined) return html`<${Failure} error=${query.error} retry=${query.reload} />`;
  const body = isEmpty?.(query.data) ? empty : children(query.data);
  // What was there stays, with a word that it may be out of date.
  return html`${query.error && html`<${Failure} compact error=${query.error} retry=${query.reload} />`}${body}`;
}
