import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Button } from "./button.js";
import { Failure } from "./states.js";
import { t } from "../lib/i18n.js";

/**
 * A table that becomes a list of cards on narrow screens.
 * @param {object} props
 * @param {string} props.caption for screen readers
 * @param {{id: string, label: string, render: (row: any) => unknown, align?: "end", sortable?: boolean, primary?: boolean, actions?: boolean, wide?: boolean}[]} props.columns
 *   `primary` is the head of a card; `actions` has no label; `wide` is left out of cards
 * @param {any[]} props.rows
 * @param {(row: any) => string} props.rowKey
 * @param {{by: string, order: "asc" | "desc"}} [props.sort]
 * @param {(sort: {by: string, order: "asc" | "desc"}) => void} [props.onSort]
 * @param {(row: any) => string} [props.rowClass]
 */
export function Table({ caption, columns, rows, rowKey, sort, onSort, rowClass }) {
  // The roles are written out because a table whose cells are no table cells for CSS is none for screen readers either.
  return html`${sort && onSort && html`<${NarrowSort} columns=${columns} sort=${sort} onSort=${onSort} />`}<div class="table-frame"><table class="table" role="table">
    <caption class="only-read">${caption}</caption>
    <thead role="rowgroup"><tr role="row">${columns.map((column) => html`<${Head} key=${column.id} column=${column} sort=${sort} onSort=${onSort} />`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`<tr role="row" key=${rowKey(row)} class=${rowClass?.(row)}>
      ${columns.map((column) => html`<td role="cell" key=${column.id} class=${classOf(column)} data-label=${column.actions || column.primary ? undefined : column.label}>${column.render(row)}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}

const classOf = ({ align, primary, actions, wide }) => [align === "end" && "end", primary && "primary", actions && "actions", wide && "wide"].filter(Boolean).join(" ") || undefined;

function Head({ column, sort, onSort }) {
  const { id, label, sortable, actions } = column;
  const on = sort?.by === id;
  const order = on ? (sort.order === "asc" ? "ascending" : "descending") : undefined;
  const next = () => onSort({ by: id, order: on && sort.order === "asc" ? "desc" : "asc" });
  return html`<th role="columnheader" scope="col" class=${classOf(column)} aria-sort=${order}>
    ${sortable && onSort
      ? html`<button type="button" class="sort" onClick=${next}>${label}<span class="sort-mark">${on && html`<${Icon} name=${sort.order === "asc" ? "up" : "down"} size=${12} />`}</span></button>`
      : actions ? html`<span class="only-read">${label}</span>` : label}
  </th>`;
}

/** Cards have no heads to click on. */
function NarrowSort({ columns, sort, onSort }) {
  const change = (event) => {
    const [by, order] = event.currentTarget.value.split(" ");
    onSort({ by, order });
  };
  return html`<select class="input narrow-sort" aria-label=${t("table.sort")} value=${`${sort.by} ${sort.order}`} onChange=${change}>
    ${columns.filter(({ sortable }) => sortable).flatMap(({ id, label }) => ["asc", "desc"].map((order) => html`<option key=${`${id} ${order}`} value=${`${id} ${order}`} selected=${sort.by === id && sort.order === order}>${t("table.sortBy", { label, order: order === "asc" ? "↑" : "↓" })}</option>`))}
  </select>`;
}

/** The end of a list that comes in pages. */
export function More({ pages }) {
  if (pages.moreError) return html`<${Failure} compact error=${pages.moreError} retry=${pages.more} />`;
  return pages.more ? html`<div class="more"><${Button} busy=${pages.loadingMore} onClick=${pages.more}>${t("action.more")}</${Button}></div>` : null;
}
