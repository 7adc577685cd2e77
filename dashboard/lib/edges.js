// What is known of edges, put together.

/** More arrows than this hide each other. */
export const MOST_FLOWS = 40;
// From one half failures on an edge is not offered any more (docs/edges.md).
const FAILING = 0.5;
const UNSTEADY = 0.05;
const BUSY_PERCENT = 80;

/** Fields of an edge as the API takes them, in the order of the form. */
export const EDGE_FIELDS = ["id", "name", "city", "country", "continent", "colo", "lat", "lon", "capacity_mbps", "url"];
export const CONTINENTS = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/**
 * How an edge is: its status if it is not offered, else what was measured.
 * @param {{status: string}} edge
 * @param {{errorRate: number | null, loadPercent: number | null, confidence: number} | null | undefined} now of its metrics
 * @returns {"disabled" | "draining" | "failing" | "unsteady" | "busy" | "healthy" | "unmeasured"}
 */
export function healthOf(edge, now) {
  if (edge.status !== "active") return edge.status;
  if (!now || now.errorRate === null) return "unmeasured";
  if (now.errorRate > FAILING) return "failing";
  if (now.errorRate > UNSTEADY) return "unsteady";
  return now.loadPercent >= BUSY_PERCENT ? "busy" : "healthy";
}

/** Figures name an edge by its id, or by its PoP where the edge was not known. */
export const findEdge = (edges, name) => edges.find(({ id }) => id === name) ?? edges.find(({ colo }) => colo === name);

/**
 * Arrows of where uploads came from.
 * @param {{country: string, edge: string, bytes: number}[]} origins `by_origin` of the analytics
 * @param {{id: string, colo: string, lat: number, lon: number}[]} edges
 * @param {(country: string) => {lat: number, lon: number} | null} middleOf
 * @returns {{flows: {key: string, country: string, edge: object, from: object, to: object, bytes: number}[], hidden: number}} the most bytes first; `hidden` bytes have no
 *   place on the map: their country or edge is not known, or there are too many arrows
 */
export function flowsOf(origins, edges, middleOf) {
  const flows = [];
  let hidden = 0;
  for (const { country, edge: name, bytes } of [...origins].sort((one, other) => other.bytes - one.bytes)) {
    const [from, edge] = [middleOf(country), findEdge(edges, name)];
    if (from && edge && flows.length < MOST_FLOWS) flows.push({ key: `${country} ${name}`, country, edge, from, to: { lat: edge.lat, lon: edge.lon }, bytes });
    else hidden += bytes;
  }
  return { flows, hidden };
}

/**
 * Calls `ask` for each of `names`, at most `width` at the same time. One that fails is null.
 * @returns {Promise<Record<string, any>>}
 */
export async function askEach(names, ask, width = 6) {
  const found = {};
  const left = [...names];
  const lane = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      found[name] = await ask(name).catch((error) => {
        if (error.name === "AbortError") throw error;
        return null;
      });
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return found;
}

/** The form of an edge, all texts; without one that of a new one. */
export function edgeForm(edge) {
  const text = (value) => (value === null || value === undefined ? "" : String(value));
  return Object.fromEntries(EDGE_FIELDS.map((name) => [name, text(edge?.[name === "capacity_mbps" ? "capacityMbps" : name]) || (name === "continent" && !edge ? "EU" : "")]));
}

/** What the form says of an edge that is not yet so. Numbers that are none stay as they were typed, for the API to refuse. */
export function edgeChanges(edge, form) {
  const before = edgeForm(edge);
  const numeric = ["lat", "lon", "capacity_mbps"];
  const changed = EDGE_FIELDS.filter((name) => (edge ? name !== "id" && form[name].trim() !== before[name] : form[name].trim() !== ""));
  return Object.fromEntries(
    changed.map((name) => {
      const typed = form[name].trim();
      if (name === "url") return [name, typed === "" ? null : typed];
      if (!numeric.includes(name)) return [name, ["country", "colo"].includes(name) ? typed.toUpperCase() : typed];
      const value = Number(typed.replace(",", "."));
      return [name, typed !== "" && Number.isFinite(value) ? value : typed];
    }),
  );
}
