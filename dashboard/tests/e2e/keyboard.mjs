import assert from "node:assert/strict";
import { onStage, settled, storeFile } from "./stage.mjs";

const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label") || document.activeElement?.textContent?.trim().slice(0, 60) || document.activeElement?.nodeName);

export const checks = {
  "the keyboard alone reaches navigation, list, menu, dialog, and comes back": async (world) => {
    await storeFile(world.stack, "by keyboard.txt", "keyboard");
    await onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      await page.keyboard.press("Tab");
      assert.equal(await focused(page), "Skip to content");
      await page.keyboard.press("Enter");
      assert.equal(await focused(page), "Files");
      // From the page's name on to the newest file's menu.
      for (let tabs = 0; (await focused(page)) !== "Actions of by keyboard.txt"; tabs += 1) {
        assert.ok(tabs < 30, `focus is at ${await focused(page)}`);
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
      assert.equal(await focused(page), "Details");
      await page.keyboard.press("ArrowUp");
      assert.equal(await focused(page), "Delete");
      await page.keyboard.press("Escape");
      assert.equal(await focused(page), "Actions of by keyboard.txt");
      await page.keyboard.press("Enter");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await focused(page), "Actions of by keyboard.txt");
    });
  },

  "a change of the page moves the focus to its name": (world) =>
    onStage(world, { at: "files" }, async (page) => {
      await settled(page);
      await page.getByRole("link", { name: "Uploads", exact: true }).press("Enter");
      await page.getByRole("heading", { name: "Uploads", level: 1 }).waitFor();
      await page.waitForFunction(() => document.activeElement?.nodeName === "H1");
      assert.equal(await page.title(), "Uploads · JettySpeed");
    }),

  "the menu opens and closes on a narrow screen": (world) =>
    onStage(world, { at: "files", width: "narrow" }, async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Open menu" }).click();
      await page.getByRole("link", { name: "Overview", exact: true }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Overview", exact: true }).waitFor({ state: "hidden" });
      await page.getByRole("button", { name: "Open menu" }).click();
      await page.getByRole("link", { name: "Overview", exact: true }).click();
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    }),
};
