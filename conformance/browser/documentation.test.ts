/** The page of the API's documentation in a real browser, which a real node serves. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Nodes } from "../network/nodes.ts";
import { CHROMIUM_VARIABLE, findChromium, openContext } from "./chromium.ts";

const WIDTHS = [360, 768, 1280, 1920];

test("the page of the documentation does nothing that its own policy forbids, and fits screens of any width", async (t) => {
  const executable = findChromium();
  if (executable === undefined) return t.skip(`no Chromium is installed, and ${CHROMIUM_VARIABLE} names none`);
  await using opened = new AsyncDisposableStack();
  const nodes = opened.use(new Nodes());
  const { url } = await nodes.start("one");
  const context = await openContext(executable, opened);
  for (const width of WIDTHS) {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${url}/docs`);
    await page.locator(".opblock-get .opblock-summary-control").first().click();
    await page.locator(".try-out__btn").click();
    await page.locator(".execute").click();
    await page.locator(".live-responses-table .response").waitFor();
    assert.deepEqual(complaints, [], `${width} wide`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await page.close();
  }
});
