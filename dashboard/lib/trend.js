/**
 * How a figure changed against the period before.
 * @param {number | null | undefined} now
 * @param {number | null | undefined} before
 * @param {"ratio" | "points"} [by] `ratio`: percent of the figure before; `points`: the difference, for figures that are percent already
 * @returns {{change: number, by: "ratio" | "points"} | null} null if there is nothing to compare with
 */
export function trendOf(now, before, by = "ratio") {
  if (!Number.isFinite(now) || !Number.isFinite(before)) return null;
  if (by === "points") return { change: now - before, by };
  if (before === 0) return null;
  return { change: ((now - before) / Math.abs(before)) * 100, by };
}

/**
 * Whether a change is welcome.
 * @param {"up" | "down" | "none"} better the direction that is
 * @returns {"good" | "bad" | "even"} changes too small to be shown are even
 */
export function judge(trend, better) {
  if (!trend || Math.abs(trend.change) < 0.05 || better === "none") return "even";
  return trend.change > 0 === (better === "up") ? "good" : "bad";
}
