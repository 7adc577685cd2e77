import { html } from "./html.js";
import { Failure, Skeleton } from "./states.js";

/**
 * Shows what several queries have got, once each has been answered: parts that come one after the other would push each other down. A failure of the first is the page's;
 * of the others it is theirs, and their data is undefined.
 * @param {{queries: ReturnType<import("../lib/query.js").useQuery>[], skeleton?: unknown, children: (data: any) => unknown}} props `children` gets the first one's data
 */
export function AwaitAll({ queries, skeleton, children }) {
  if (queries.some((query) => query.loading)) return skeleton ?? html`<${Skeleton} lines=${8} height=${32} />`;
  const [first] = queries;
  if (first.error && first.data === undefined) return html`<${Failure} error=${first.error} retry=${first.reload} />`;
  return html`${first.error && html`<${Failure} compact error=${first.error} retry=${first.reload} />`}${children(first.data)}`;
}
