// How a page looks: whether axe finds something serious in either colour scheme, whether anything sticks out
// on a telephone, and pictures of it below GALEN_PICTURES, if that is named.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [tools] = process.argv.slice(2);
const axe = readFileSync(createRequire(`${tools}/../browser/`).resolve("axe-core/axe.min.js"), "utf8");
const pictures = process.env.GALEN_PICTURES;
const SCREEN = { width: 1280, height: 900 };
const TELEPHONE = { width: 390, height: 844 };

async function serious(page) {
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
  );
  assert.ok(found.passes.length > 10, "axe looked at the page");
  const said = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return said.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`);
}

/** Looks at a page that stands still; at its top, or where an element of it is. */
export const looks = (page, name, at) => look(page, name, at, serious);

/** Takes pictures only. */
export const picture = (page, name, at) => (pictures === undefined ? undefined : look(page, name, at, async () => []));

async function look(page, name, at, findings) {
  const shoot = async (kind) => {
    if (pictures === undefined) return;
    await page.evaluate(() => scrollTo(0, 0));
    if (at !== undefined) await at.evaluate((one) => one.scrollIntoView({ block: "start", behavior: "instant" }));
    await page.screenshot({ path: `${pictures}/${name}-${kind}.png` });
  };
  await page.setViewportSize(SCREEN);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await findings(page), [], `${name}, ${colorScheme}`);
    await shoot(colorScheme);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(TELEPHONE);
  const [wide, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${name} is ${wide} wide on a telephone of ${room}`);
  await shoot("telephone");
  await page.setViewportSize(SCREEN);
}
