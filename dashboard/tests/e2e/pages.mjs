import assert from "node:assert/strict";
import { pages } from "../../pages/index.js";
import { findingsOf, onStage, overflowOf, settled, shiftsOf, takePicture } from "./stage.mjs";

// Layout shift that Chromium counts as good is 0.1; here it is the rounding of a font.
const MOST_SHIFT = 0.01;

const seen = pages.flatMap((page) => page.for.map((as) => ({ id: page.id, as })));

/** Every page that is registered, for everyone who can see it. */
export const checks = Object.fromEntries(
  seen.map(({ id, as }) => [
    `${id} of an ${as} is accessible, still, and fits at both widths, light and dark`,
    async (world) => {
      for (const width of ["narrow", "wide"]) {
        for (const scheme of ["light", "dark"]) {
          await onStage(world, { as, width, scheme, at: id }, async (page) => {
            await settled(page);
            assert.ok((await overflowOf(page)) <= 0, `${id} is wider than the window at ${width}`);
            assert.deepEqual(await findingsOf(page), [], `${id} ${width} ${scheme}`);
            const shifts = await shiftsOf(page);
            assert.ok(shifts.reduce((sum, { value }) => sum + value, 0) <= MOST_SHIFT, `${id} ${width}: ${JSON.stringify(shifts)}`);
            await takePicture(page, `${id}${as === "operator" ? "-operator" : ""}-${width}-${scheme}`);
          });
        }
      }
      await onStage(world, { as, width: "zoomed", at: id }, async (page) => {
        await settled(page);
        assert.ok((await overflowOf(page)) <= 0, `${id} is wider than the window at 200 %`);
      });
    },
  ]),
);
