// Plays, seeks, switches quality and shows subtitles. Fails on any error and on any corrupted frame.
import { visit } from "./browser.mjs";
import { CUES } from "./samples.mjs";

export const play = (browser, page, sample, url) =>
  visit(browser, page, async (tab) => {
    const result = await tab.evaluate(
      async ({ url, levels, cues }) => {
        // A short buffer, so that the seek leaves the buffered range.
        player.open(url, { maxBufferLength: 6, maxMaxBufferLength: 6 });
        await player.within(10_000, "3 s of play", player.advance(3));
        const result = { seek_ms: [await player.seek(0.7), await player.seek(0.1)] };
        if (levels.length > 1) {
          const [low, high] = levels;
          for (const [property, height] of [["currentLevel", low], ["currentLevel", high], ["nextLevel", low], ["nextLevel", high]]) {
            await player.change(property, height);
          }
          result.switched = player.switched;
        }
        if (cues > 0) await player.subtitles(cues);
        await player.within(5_000, "1 s more of play", player.advance(1));
        return { ...result, ...player.state() };
      },
      { url, levels: sample.levels, cues: sample.subtitles ? CUES : 0 },
    );
    check(sample, result);
    return result;
  });

export function check(sample, { problem, frames, height, fragments }) {
  const failures = [];
  if (problem) failures.push(problem);
  if (frames.total === 0) failures.push("no frame was shown");
  if (frames.corrupted > 0) failures.push(`${frames.corrupted} frames are corrupted`);
  if (!sample.levels.includes(height)) failures.push(`the picture has ${height} lines`);
  if (fragments.length === 0 || fragments.includes(null)) failures.push("the page cannot read Cache-Status");
  if (failures.length > 0) throw new Error(`${sample.name}: ${failures.join("; ")}`);
}
