// The Natural Earth projection (Tom Patterson; polynomial by Bojan Šavrič), the one that the prerendered land is drawn in.

/** Width of the map in its own units. */
export const WIDTH = 1200;

const RADIANS = Math.PI / 180;
// Half the width of the projected sphere of radius 1.
const HALF = 0.8707 * Math.PI;
/** Units per radian at the middle of the map, where the projection keeps its scale but for 0.87. */
export const SCALE = WIDTH / 2 / HALF;

/** Northernmost and southernmost latitude that the map shows, degrees: everything inhabited. */
export const NORTH = 84;
export const SOUTH = -57;

const x = (lat, lon) => {
  const p = lat * lat;
  const q = p * p;
  return lon * (0.8707 - 0.131979 * p + q * (-0.013791 + q * (0.003971 * p - 0.001529 * q)));
};

const y = (lat) => {
  const p = lat * lat;
  const q = p * p;
  return lat * (1.007226 + p * (0.015085 + q * (-0.044475 + 0.028874 * p - 0.005916 * q)));
};

const top = y(NORTH * RADIANS);

/** Height of the map in its own units. */
export const HEIGHT = Math.round((top - y(SOUTH * RADIANS)) * SCALE);

/**
 * A place on the map.
 * @param {number} lat degrees, north is positive
 * @param {number} lon degrees, east is positive
 * @returns {[number, number]} units from the upper left corner
 */
export function project(lat, lon) {
  const phi = lat * RADIANS;
  return [WIDTH / 2 + x(phi, lon * RADIANS) * SCALE, (top - y(phi)) * SCALE];
}
