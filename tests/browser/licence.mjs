// licence.mjs TOOLS PAGE FILE...: what the standalone check at PAGE says of licence certificates. Prints one
// line of JSON a file: its banners with their kinds, in order.
import { basename } from "node:path";

import { launch, say, strangers } from "./browser.mjs";

const [, standalone, ...files] = process.argv.slice(2);
const browser = await launch();
for (const path of files) {
  const page = await browser.newPage();
  const asked = strangers(page, "null");
  await page.goto(`file://${standalone}`);
  const form = page.locator("galen-check form").nth(1);
  await form.getByLabel("Saved check").setInputFiles(path);
  await form.getByRole("button", { name: "Check in my browser" }).click();
  const banners = page.locator("galen-check .banner");
  await banners.first().waitFor({ timeout: 120_000 });
  const shown = await banners.evaluateAll((all) => all.map((one) => [one.className, one.textContent]));
  say(basename(path), { shown, asked });
  await page.close();
}
await browser.close();
