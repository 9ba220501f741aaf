// Visits the pages of a running node with a real browser: what a reader without scripts, with a keyboard
// alone, with a narrow screen, in the dark or in Chinese finds. Fails on the first thing that is wrong.
//
// node visit.mjs ADDRESS '["/", …]' DATASET-TITLE [FOLDER]; pictures of the pages go to FOLDER.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [address, list, title, folder] = process.argv.slice(2);
const paths = JSON.parse(list);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const offline = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args: [...quiet, ...offline] });

/** A page that fails on requests to other places and on what the policy forbids. */
async function open(options) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(`${address}/`)) wrong.push(`a request to ${request.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error") wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  const close = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  };
  return { page, close };
}

/** Serious findings of axe, and how many rules held. */
async function findings(page) {
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
  );
  const serious = result.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const said = serious.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
  return { said, held: result.passes.length };
}

let visits = 0;
for (const colorScheme of ["light", "dark"]) {
  for (const lang of ["en", "zh"]) {
    const { page, close } = await open({ colorScheme, viewport: { width: 1280, height: 900 } });
    for (const [at, path] of paths.entries()) {
      const response = await page.goto(`${address}${path}${path.includes("?") ? "&" : "?"}lang=${lang}`);
      assert.equal(response.status(), 200, path);
      const { said, held } = await findings(page);
      assert.deepEqual(said, [], `${path}, ${colorScheme}, ${lang}`);
      assert.ok(held > 15, `${path}: axe looked at the page (${held})`);
      if (folder) {
        await page.screenshot({ path: `${folder}/${at}-${colorScheme}-${lang}.png` });
        if (colorScheme === "light" && lang === "en") {
          await page.screenshot({ path: `${folder}/${at}-full.png`, fullPage: true });
        }
      }
      visits += 1;
    }
    await close();
  }
}
// What axe is shown to find: pale letters on white.
{
  const { page, close } = await open({});
  await page.goto(`${address}/`);
  await page.evaluate(() => {
    document.querySelector("h1").style.color = "#c8c8c8";
  });
  const { said } = await findings(page);
  assert.ok(said.some((text) => text.startsWith("color-contrast")), "the check sees bad contrast");
  await close();
}
console.log(`axe: ${visits} visits, no serious finding`);

// Without scripts: search, choose, read, and come back. Visible text only.
{
  const { page, close } = await open({ javaScriptEnabled: false });
  let clicks = 0;
  const click = async (name) => {
    await page.getByRole("link", { name }).first().click();
    clicks += 1;
  };
  await page.goto(`${address}/`);
  await page.getByRole("searchbox").first().fill("diabetes");
  await page.keyboard.press("Enter");
  await page.getByText("1 dataset", { exact: true }).waitFor();
  await click(title);
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  await page.getByText("Verified by the ledger").waitFor();
  await page.getByText("galen deal request").waitFor();
  await click("简体中文");
  await page.getByText("账本已验证").waitFor();
  await click("数据集");
  await page.getByText("2 个数据集").waitFor();
  console.log(`without scripts: ${clicks} clicks`);
  await close();
}

// With the keyboard alone: every stop is seen, and leads to a dataset.
{
  const { page, close } = await open({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/`);
  const focused = () =>
    page.evaluate(() => {
      const one = document.activeElement;
      const style = getComputedStyle(one);
      const box = one.getBoundingClientRect();
      const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0;
      return { text: (one.textContent || one.getAttribute("aria-label") || one.name || "").trim(), tag: one.tagName, seen };
    });
  await page.keyboard.press("Tab");
  assert.equal((await focused()).text, "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.goto(`${address}/`);
  let stops = 0;
  for (;;) {
    await page.keyboard.press("Tab");
    stops += 1;
    const now = await focused();
    assert.ok(now.seen, `the focus is seen on ${now.tag} ${now.text}`);
    if (now.tag === "INPUT") break;
    assert.ok(stops < 12, "the search box is near the top");
  }
  await page.keyboard.type("diabetes");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/?text=diabetes");
  for (stops = 0; ; stops += 1) {
    await page.keyboard.press("Tab");
    const now = await focused();
    assert.ok(now.seen, `the focus is seen on ${now.tag} ${now.text}`);
    if (now.text === title) break;
    assert.ok(stops < 80, "the result is reached");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  console.log(`with the keyboard: ${stops} stops to the result`);
  await close();
}

// A page of the explorer follows the ledger until it is told not to, and then again.
{
  const { page, close } = await open({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/explorer`);
  const height = async () => Number(await page.locator('[data-live="blocks"] tbody th').first().innerText());
  const higher = async (than) => {
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await height()) > than) return true;
      await page.waitForTimeout(100);
    }
    return false;
  };
  await page.getByText("Live: follows the ledger.").waitFor();
  assert.ok(await higher(await height()), "new blocks are shown");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused.").waitFor();
  const still = await height();
  await page.waitForTimeout(3500);
  assert.equal(await height(), still, "a page that is paused stands still");
  await page.getByRole("button", { name: "Go on" }).click();
  assert.ok(await higher(still), "it goes on");
  console.log("live: followed, paused, went on");
  await close();
}

// On a narrow screen nothing sticks out.
{
  const { page, close } = await open({ viewport: { width: 360, height: 740 } });
  for (const [at, path] of paths.entries()) {
    await page.goto(`${address}${path}`);
    const [wide, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
    assert.ok(wide <= room, `${path} is ${wide} wide on a screen of ${room}`);
    if (folder) await page.screenshot({ path: `${folder}/${at}-narrow.png` });
  }
  console.log(`narrow: ${paths.length} pages`);
  await close();
}
await browser.close();
console.log("browser: all held");
