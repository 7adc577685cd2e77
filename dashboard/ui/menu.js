import { html, useId, useLayoutEffect, useRef, useState } from "./html.js";
import { Button } from "./button.js";
import { Icon } from "./icons.js";

/**
 * A button that opens a list of actions. Arrow keys move, Escape closes.
 * @param {{label: string, icon?: string, items: ({label: string, icon?: string, danger?: boolean, disabled?: boolean, act: () => void} | null | false)[]}} props
 */
export function Menu({ label, icon = "more", items }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const place = useRef(null);
  const shown = items.filter(Boolean);

  // Before it is painted: it is placed beside its button, and keys that come at once are for the list.
  useLayoutEffect(() => {
    if (!open) return undefined;
    const list = place.current.querySelector("[role=menu]");
    const follow = () => position(place.current.querySelector("button"), list);
    follow();
    list.querySelector("[role=menuitem]:not(:disabled)")?.focus({ preventScroll: true });
    const outside = (event) => place.current?.contains(event.target) || setOpen(false);
    const away = () => setOpen(false);
    addEventListener("pointerdown", outside);
    addEventListener("scroll", follow, true);
    addEventListener("resize", away);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("scroll", follow, true);
      removeEventListener("resize", away);
    };
  }, [open]);

  const close = () => {
    setOpen(false);
    place.current.querySelector("button").focus();
  };
  const keys = (event) => {
    const entries = [...place.current.querySelectorAll("[role=menuitem]:not(:disabled)")];
    const at = entries.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      close();
    } else if (event.key === "Tab") setOpen(false);
    else if (to !== undefined && open) {
      event.preventDefault();
      entries[(to + entries.length) % entries.length]?.focus();
    }
  };
  return html`<div class="menu" ref=${place} onKeyDown=${open ? keys : undefined}>
    <${Button} kind="quiet" icon=${icon} label=${label} aria-haspopup="menu" aria-expanded=${open} aria-controls=${open ? id : undefined} onClick=${() => setOpen(!open)} />
    ${open && html`<div class="menu-list" role="menu" id=${id} aria-label=${label}>
      ${shown.map((item) => html`<button type="button" role="menuitem" key=${item.label} class=${item.danger ? "menu-item menu-danger" : "menu-item"} disabled=${item.disabled} onClick=${() => {
        close();
        item.act();
      }}>${item.icon && html`<${Icon} name=${item.icon} />`}<span>${item.label}</span></button>`)}
    </div>`}
  </div>`;
}

/** Beside its button, inside the window: a list in a table must not be cut off by the table. */
function position(button, list) {
  const anchor = button.getBoundingClientRect();
  const { width, height } = list.getBoundingClientRect();
  const below = anchor.bottom + 4 + height < innerHeight;
  list.style.top = `${below ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4)}px`;
  list.style.left = `${Math.min(Math.max(8, anchor.right - width), innerWidth - width - 8)}px`;
}
