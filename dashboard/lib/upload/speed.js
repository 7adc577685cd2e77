const WINDOW_MS = 5_000;

/**
 * Bytes per second over the last seconds.
 * @param {{at: number, bytes: number}[]} samples `bytes` so far, at a time in ms; ascending
 * @returns {number | null} null as long as there is too little to say
 */
export function rateOf(samples) {
  if (samples.length < 2) return null;
  const [first, last] = [samples[0], samples[samples.length - 1]];
  const ms = last.at - first.at;
  return ms >= 500 ? Math.max(0, ((last.bytes - first.bytes) / ms) * 1000) : null;
}

/** The samples with one more, without those that are too old. */
export const sampled = (samples, at, bytes) => [...samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, bytes }];

/** Seconds until the rest is there; null if that is not known. */
export const secondsLeft = (rest, rate) => (rest <= 0 ? 0 : rate > 0 ? rest / rate : null);
