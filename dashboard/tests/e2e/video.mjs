import { onStage, settled } from "./stage.mjs";
import { makeSamples } from "./samples.mjs";

export const checks = {
  "an HLS video plays": async (world) => {
    const folder = await makeSamples(world.stack.state);
    await world.stack.jetty("video", "push", folder, "--id", "clip");
    await onStage(world, { at: "files?view=videos" }, async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Play clip" }).click();
      await page.waitForFunction(() => document.querySelector("video.player")?.currentTime > 1, undefined, { timeout: 30_000 });
    });
  },
};
