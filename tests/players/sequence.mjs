// Plays from beginning to end and measures the share of segments that are cache hits.
import { visit } from "./browser.mjs";
import { check } from "./playing.mjs";
import { SECONDS } from "./samples.mjs";

const RATE = 2;
// Minimum share of hits for a video that was played through this PoP before.
const WARM_SHARE = 0.95;

const isSegment = ({ file }) => /\.(ts|m4s|mp4)$/.test(file);
const isHit = ({ cache }) => cache?.startsWith("JettySpeed; hit") ?? false;

const playThrough = (browser, page, sample, url) =>
  visit(browser, page, async (tab, answers) => {
    const state = await tab.evaluate(
      async ({ url, rate, ms, top }) => {
        // A buffer of a few seconds, as in a long video; otherwise the whole sample is requested at once. One quality, so that adaptive switching does not
        // change the segments requested.
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
  const cold = await playThrough(browser, page, sample, url);
  const warm = await playThrough(browser, page, sample, url);
  if (warm.share < WARM_SHARE) throw new Error(`${sample.name}: ${(warm.share * 100).toFixed(1)} % hits in a warm run; missed: ${warm.missed.join(", ")}`);
  return { cold, warm };
}
