/**
 * Rows sorted by a value of theirs, the unknown ones last; equal ones keep their order.
 * @param {any[]} rows
 * @param {(row: any) => string | number | null | undefined} value
 * @param {"asc" | "desc"} order
 */
export function sorted(rows, value, order = "asc") {
  const sign = order === "desc" ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x == null || y == null) return (x == null) - (y == null);
    if (typeof x === "string" && typeof y === "string") return sign * x.localeCompare(y, undefined, { numeric: true });
    return sign * (x < y ? -1 : x > y ? 1 : 0);
  });
}
