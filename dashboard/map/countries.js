// Where countries are.
import { PLACES } from "./places.js";

let table;

/**
 * The middle of a country.
 * @param {string} code ISO 3166-1 alpha-2
 * @returns {{lat: number, lon: number} | null} degrees; null for a code that is none
 */
export function middleOf(code) {
  table ??= new Map(PLACES.split(" ").map((entry) => [entry.slice(0, 2), entry.slice(2).split(",").map(Number)]));
  const found = table.get(code);
  return found ? { lat: found[0], lon: found[1] } : null;
}
