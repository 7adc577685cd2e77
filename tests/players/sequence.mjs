// From the beginning to the end: how many of the segments were in the cache already when the player asked.
import { visit } from "./browser.mjs";
import { check } from "./playing.mjs";
import { SECONDS } from "./samples.mjs";

const RATE = 2;
// The promise for a film that somebody has seen here before.
const WARM_SHARE = 0.95;

const isSegment = ({ file }) => /\.(ts|m4s|mp4)$/.test(file);
const isHit = ({ cache }) => cache?.startsWith("JettySpeed; hit") ?? false;

const through = (browser, page, sample, url) =>
  visit(browser, page, async (tab, answers) => {
    const state = await tab.evaluate(
      async ({ url, rate, ms, top }) => {
        // A few seconds ahead, as in a long film: otherwise all of this one is asked for at once. One quality: which one is chosen when is no matter of the cache.
        player.open(url, { maxBufferLength: 6, maxMaxBufferLength: 6, startLevel: top });
        player.hls.on(Hls.Events.MANIFEST_PARSED, () => (player.hls.loadLevel = top));
        await player.toTheEnd(rate, ms);
        return player.state();
      },
      { url, rate: RATE, ms: (SECONDS / RATE) * 1000 + 15_000, top: sample.levels.length - 1 },
    );
    check(sample, state);
    const segments = answers.filter(isSegment);
    if (segments.length < SECONDS / 2) throw new Error(`${sample.name}: ${segments.length} segments were asked for`);
    const missed = segments.filter((answer) => !isHit(answer)).map(({ file, range, cache }) => [file, range, cache].filter(Boolean).join(" "));
    return { segments: segments.length, share: 1 - missed.length / segments.length, missed, frames: state.frames, errors: state.errors };
  });

export async function sequence(browser, page, sample, url, purge) {
  await purge();
  const cold = await through(browser, page, sample, url);
  const warm = await through(browser, page, sample, url);
  if (warm.share < WARM_SHARE) throw new Error(`${sample.name}: ${(warm.share * 100).toFixed(1)} % hits in a warm run; missed: ${warm.missed.join(", ")}`);
  return { cold, warm };
}
