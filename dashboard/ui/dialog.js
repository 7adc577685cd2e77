import { html, useId, useLayoutEffect, useRef } from "./html.js";
import { Button } from "./button.js";
import { Failure } from "./states.js";
import { t } from "../lib/i18n.js";

/**
 * A dialog of the browser: it keeps the focus inside and gives it back, and Escape closes it. It is open as long as it is rendered.
 * @param {{title: string, onClose: () => void, wide?: boolean, side?: boolean}} props `side`: a panel at the edge of the window
 */
export function Dialog({ title, onClose, wide = false, side = false, children }) {
  const element = useRef(null);
  const id = useId();
  const shown = useRef(true);
  useLayoutEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog.showModal();
    return () => {
      shown.current = false;
      dialog.close();
      if (opener?.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  // A click on the backdrop is a click on the dialog itself.
  const onClick = (event) => event.target === element.current && onClose();
  // Escape closes it without a question; it is told of that afterwards, and of its own end, too.
  const onClosed = (event) => event.target === element.current && shown.current && onClose();
  return html`<dialog ref=${element} class=${`dialog ${wide ? "dialog-wide" : ""} ${side ? "dialog-side" : ""}`} aria-labelledby=${id} onClose=${onClosed} onMouseDown=${onClick}>
    <div class="dialog-inner">
      <div class="dialog-header"><h2 id=${id}>${title}</h2><${Button} kind="quiet" icon="close" label=${t("action.close")} onClick=${onClose} /></div>
      <div class="dialog-body">${children}</div>
    </div>
  </dialog>`;
}

/**
 * A question with two answers.
 * @param {{title: string, action: string, danger?: boolean, onConfirm: () => void, onClose: () => void, busy?: boolean, error?: any}} props
 */
export function Confirm({ title, action, danger = false, onConfirm, onClose, busy = false, error, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}
    ${error && html`<${Failure} compact error=${error} />`}
    <div class="dialog-actions">
      <${Button} onClick=${onClose}>${t("action.cancel")}</${Button}>
      <${Button} kind=${danger ? "danger" : "primary"} busy=${busy} onClick=${onConfirm}>${action}</${Button}>
    </div>
  </${Dialog}>`;
}
