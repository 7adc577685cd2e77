// Ways over the globe, as SVG paths.
import { project } from "./projection.js";

const RADIANS = Math.PI / 180;
const STEP_DEGREES = 3;

const vector = ({ lat, lon }) => {
  const [phi, lambda] = [lat * RADIANS, lon * RADIANS];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
};

const place = ([x, y, z]) => ({ lat: Math.asin(Math.max(-1, Math.min(1, z))) / RADIANS, lon: Math.atan2(y, x) / RADIANS });

/** The angle between two places `{lat, lon}`, degrees. */
export function angle(from, to) {
  const [a, b] = [vector(from), vector(to)];
  return Math.acos(Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]))) / RADIANS;
}

/**
 * The shortest way over the globe from one place to another, both included.
 * @returns {{lat: number, lon: number}[]} at most 3° apart
 */
export function greatCircle(from, to) {
  const whole = angle(from, to);
  // Between a place and its antipode every way is as short; between a place and itself there is none.
  if (whole < 0.01 || whole > 179.99) return [from, to];
  const [a, b] = [vector(from), vector(to)];
  const steps = Math.max(2, Math.ceil(whole / STEP_DEGREES));
  const sine = Math.sin(whole * RADIANS);
  const at = (share) => {
    const [u, v] = [Math.sin((1 - share) * whole * RADIANS) / sine, Math.sin(share * whole * RADIANS) / sine];
    return place(a.map((value, axis) => u * value + v * b[axis]));
  };
  return Array.from({ length: steps + 1 }, (_, step) => at(step / steps));
}

/** Where a way crosses the 180th meridian it is cut: the map would otherwise be crossed from one side to the other. */
export function cutAtEdges(way) {
  const pieces = [[]];
  for (const [index, point] of way.entries()) {
    const before = way[index - 1];
    if (before && Math.abs(before.lon - point.lon) > 180) {
      const side = Math.sign(before.lon) || 1;
      const [left, right] = [180 - Math.abs(before.lon), 180 - Math.abs(point.lon)];
      const share = left + right === 0 ? 0 : left / (left + right);
      const lat = before.lat + share * (point.lat - before.lat);
      pieces.at(-1).push({ lat, lon: side * 180 });
      pieces.push([{ lat, lon: -side * 180 }]);
    }
    pieces.at(-1).push(point);
  }
  return pieces;
}

/**
 * An arrow's line, as the `d` of a path.
 * @param {{lat: number, lon: number}} from
 * @param {{lat: number, lon: number}} to
 */
export function arrow(from, to) {
  const text = ({ lat, lon }) => project(lat, lon).map((value) => Math.round(value * 10) / 10).join(" ");
  return cutAtEdges(greatCircle(from, to)).map((piece) => `M${piece.map(text).join("L")}`).join("");
}

/**
 * How wide an arrow of `bytes` is, units: the square root, so that the area that is seen grows as the bytes do.
 * @param {number} bytes at most `most`
 * @param {number} most the most bytes of an arrow on the map
 */
export function arrowWidth(bytes, most) {
  return most > 0 ? 1.5 + 4.5 * Math.sqrt(Math.max(0, bytes) / most) : 1.5;
}
