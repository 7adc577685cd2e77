// What a tier allows.
import * as format from "./format.js";
import { t } from "./i18n.js";

/** The numbers of a tier that can be changed, in the order in which they are shown, with what they count. */
export const LIMITS = [
  { name: "storage_quota_gb", unit: "GB" },
  { name: "bandwidth_quota_gb", unit: "GB" },
  { name: "requests_per_minute" },
  { name: "max_file_mb", unit: "MB" },
  { name: "max_objects" },
  { name: "max_open_uploads" },
];

const BYTES = { GB: 1e9, MB: 1e6 };

/** A limit as people read it. */
export const limitText = (tier, { name, unit }) => (unit ? format.bytes(tier[name] * BYTES[unit]) : format.count(tier[name]));

/** All limits of a tier, as texts. */
export const limitsOf = (tier) => [
  ...LIMITS.map((limit) => ({ name: limit.name, text: limitText(tier, limit) })),
  { name: "jetty_speed_enabled", text: t(tier.jetty_speed_enabled ? "tiers.yes" : "tiers.no") },
];

/**
 * The whole number that somebody has typed.
 * @returns {number | string} what was typed where it is no whole number: the API says what is wrong with it
 */
export const typedNumber = (text) => (/^\d{1,15}$/.test(text.trim()) ? Number(text.trim()) : text.trim());

/**
 * What of a tier was changed.
 * @param {object} tier as the API told it
 * @param {object} typed the same fields, numbers as texts
 */
export function tierChanges(tier, typed) {
  const changes = {};
  for (const { name } of LIMITS) {
    const value = typedNumber(typed[name]);
    if (value !== tier[name]) changes[name] = value;
  }
  if (typed.jetty_speed_enabled !== tier.jetty_speed_enabled) changes.jetty_speed_enabled = typed.jetty_speed_enabled;
  return changes;
}
