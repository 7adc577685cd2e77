// Numbers, sizes, times and money as people of a language write them. What is not known is a dash.
import { language } from "./preferences.js";

export const UNKNOWN = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);

/**
 * The chosen language as the reader's region writes it: 16:00 in London, 4:00 PM in New York.
 * @param {string} chosen
 * @param {readonly string[]} preferred the browser's languages
 */
export const regional = (chosen, preferred) => preferred.find((one) => one === chosen || one.startsWith(`${chosen}-`)) ?? chosen;

const formats = new Map();
const cached = (make, options) => {
  const locale = regional(language.get(), globalThis.navigator?.languages ?? []);
  const key = `${make.name}|${locale}|${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new make(locale, options));
  return formats.get(key);
};
const number = (options) => cached(Intl.NumberFormat, options);

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

/** Digits after the point, so that about three figures are shown. */
const digits = (value) => (value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2);

const scaled = (value, digit = digits(value)) => number({ minimumFractionDigits: digit, maximumFractionDigits: digit }).format(value);

/** Bytes in powers of 1,000: `12.4 MB`. */
export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  let scale = 0;
  let amount = Math.abs(value);
  while (amount >= 999.5 && scale < UNITS.length - 1) {
    amount /= 1000;
    scale += 1;
  }
  const digit = scale === 0 ? 0 : amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${value < 0 ? "−" : ""}${scaled(amount, digit)} ${UNITS[scale]}`;
}

/** Bytes per second. */
export const rate = (value) => (known(value) ? `${bytes(value)}/s` : UNKNOWN);
/** Megabits per second. */
export const mbps = (value) => (known(value) ? `${scaled(value)} Mbit/s` : UNKNOWN);
/** A whole number with separators. */
export const count = (value) => (known(value) ? number({ maximumFractionDigits: 0 }).format(value) : UNKNOWN);
/** A number of about three figures: `12.4K`. */
export const compact = (value) => (known(value) ? number({ notation: "compact", maximumFractionDigits: 1 }).format(value) : UNKNOWN);
/** A number with at most `most` digits after the point. */
export const decimal = (value, most = 2) => (known(value) ? number({ maximumFractionDigits: most }).format(value) : UNKNOWN);
/** Percent from 0 to 100. */
export const percent = (value, most = 1) => (known(value) ? number({ style: "percent", maximumFractionDigits: most }).format(value / 100) : UNKNOWN);

/** US dollars. Amounts below a dollar have more digits, as those of a small account would all be 0. */
export function money(value) {
  if (!known(value)) return UNKNOWN;
  const small = value !== 0 && Math.abs(value) < 1;
  return number({ style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: small ? 4 : 2 }).format(value);
}

/** Milliseconds: `84 ms`, `1.2 s`. */
export function latency(value) {
  if (!known(value)) return UNKNOWN;
  return value < 999.5 ? `${scaled(value, value < 10 && !Number.isInteger(value) ? 1 : 0)} ms` : `${scaled(value / 1000, value < 99_950 ? 1 : 0)} s`;
}

/** Seconds as people read them: `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  const steps = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = steps.findIndex(([size]) => whole >= size);
  if (first < 0) return "0 s";
  const [size, unit] = steps[first];
  const head = `${Math.floor(whole / size)} ${unit}`;
  const next = steps[first + 1];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return rest > 0 ? `${head} ${rest} ${next[1]}` : head;
}

const instant = (value) => {
  const at = value instanceof Date ? value : new Date(value ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at;
};
const written = (options) => (value) => {
  const at = instant(value);
  return at ? cached(Intl.DateTimeFormat, options).format(at) : UNKNOWN;
};

/** Day and time. */
export const dateTime = written({ dateStyle: "medium", timeStyle: "short" });
/** A day. */
export const date = written({ dateStyle: "medium" });
/** A day of this year, short. */
export const shortDate = written({ day: "numeric", month: "short" });
/** A day given as `YYYY-MM-DD`, which has no time zone, short. */
export const calendarDay = written({ day: "numeric", month: "short", timeZone: "UTC" });
/** A month given as its first instant in UTC. */
export const month = written({ month: "long", year: "numeric", timeZone: "UTC" });
/** Hour and minute. */
export const time = written({ hour: "2-digit", minute: "2-digit" });

/**
 * How long ago, or in how long: `5 minutes ago`.
 * @param {number} now milliseconds
 */
export function relative(value, now = Date.now()) {
  const at = instant(value);
  if (!at) return UNKNOWN;
  const seconds = (at.getTime() - now) / 1000;
  const steps = [
    [60, "second", 1],
    [3_600, "minute", 60],
    [86_400, "hour", 3_600],
    [30 * 86_400, "day", 86_400],
    [365 * 86_400, "month", 30 * 86_400],
    [Infinity, "year", 365 * 86_400],
  ];
  const [, unit, size] = steps.find(([below]) => Math.abs(seconds) < below);
  return cached(Intl.RelativeTimeFormat, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

/** The country's name of an ISO 3166-1 alpha-2 code. */
export function country(code) {
  if (!/^[A-Z]{2}$/.test(code ?? "") || code === "XX") return UNKNOWN;
  return cached(Intl.DisplayNames, { type: "region" }).of(code) ?? code;
}
