// What people do with a page: with a mouse, or by keyboard alone. Either does the same by the same names, and
// counts what it sets off.
import assert from "node:assert/strict";

/** Hands with a mouse. */
export function mouse(page) {
  const counted = { clicks: 0 };
  const named = (label) => page.getByLabel(label, { exact: true });
  return {
    counted,
    async click(role, name) {
      await page.getByRole(role, { name }).first().click();
      counted.clicks += 1;
    },
    fill: (label, text) => named(label).fill(text),
    select: (label, entry) => named(label).selectOption({ label: entry }),
    next: (label) => named(label).selectOption({ index: 1 }),
    async choose(label) {
      await named(label).check();
      counted.clicks += 1;
    },
    file: (label, path) => named(label).setInputFiles(path),
  };
}

// ---- By keyboard: in the order that Tab goes, without setting the focus. Wherever Tab stops, the stop must be
// seen (WCAG 2.2: 2.4.7 Focus Visible, 2.4.11 Focus Not Obscured). ----

/** More stops than any page has. */
const STOPS = 500;

/** What is in focus is seen: it has an outline, and not all of it is behind something else. */
const seen = (page) =>
  page.evaluate(() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    if (one === null || one === document.body) return "";
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    const within = [...one.getClientRects()].some(({ left, top, width, height }) =>
      [0.02, 0.5, 0.98].some((x) =>
        [0.02, 0.5, 0.98].some((y) => {
          const found = one.getRootNode().elementFromPoint(left + width * x, top + height * y);
          return found !== null && (one.contains(found) || found.contains(one) || one.labels?.[0]?.contains(found));
        }),
      ),
    );
    const name = one.outerHTML.slice(0, 200);
    return `${outlined ? "" : `no outline: ${name} `}${within ? "" : `hidden: ${name}`}`;
  });

/** Waits for what is in focus to be seen: pages scroll to it smoothly. */
async function visible(page, where) {
  for (let turn = 0; turn < 400; turn += 1) {
    if ((await seen(page)) === "") return;
    await page.waitForTimeout(50);
  }
  assert.equal(await seen(page), "", where);
}

/** Goes on with Tab until something is in focus. */
async function reach(page, wanted) {
  await wanted.waitFor();
  for (let stop = 0; stop < STOPS; stop += 1) {
    if (await wanted.evaluate((one) => one.getRootNode().activeElement === one)) return;
    await page.keyboard.press("Tab");
    await visible(page, `after ${stop} stops of ${page.url()}`);
  }
  assert.fail(`Tab does not come to ${wanted}`);
}

/** Hands with a keyboard alone. */
export function keyboard(page) {
  const counted = { clicks: 0 };
  // Says from the beginning that files are chosen here: a browser that hears of it just before a key is pressed may
  // take the key first, and open a dialog of its own.
  page.on("filechooser", () => {});
  const named = (label) => page.getByLabel(label, { exact: true }).and(page.locator("input, select, textarea")).first();
  return {
    counted,
    async click(role, name) {
      await reach(page, page.getByRole(role, { name }).first());
      await page.keyboard.press("Enter");
      counted.clicks += 1;
    },
    async fill(label, text) {
      await reach(page, named(label));
      await page.keyboard.press("Control+a");
      await page.keyboard.type(text);
    },
    /** Chooses by the beginning of what an entry says. */
    async select(label, entry) {
      const list = named(label);
      await reach(page, list);
      await page.keyboard.type(entry.split(/[ :]/)[0]);
      const chosen = await list.evaluate((one) => one.selectedOptions[0].label);
      assert.ok(chosen.startsWith(entry), `${label}: ${chosen}`);
    },
    /** Chooses what comes next in a list. */
    async next(label) {
      const list = named(label);
      await reach(page, list);
      const before = await list.inputValue();
      await page.keyboard.press("ArrowDown");
      assert.notEqual(await list.inputValue(), before, label);
    },
    /** Chooses one of several: Tab comes to what is chosen, or to the first; arrows go on from there. */
    async choose(label) {
      const wanted = named(label);
      const group = page.locator(`input[name="${await wanted.getAttribute("name")}"]`);
      const chosen = page.locator(`input[name="${await wanted.getAttribute("name")}"]:checked`);
      await reach(page, (await chosen.count()) > 0 ? chosen : group.first());
      await page.keyboard.press(" ");
      for (let step = 0; step < 50 && !(await wanted.isChecked()); step += 1) await page.keyboard.press("ArrowDown");
      assert.ok(await wanted.isChecked(), label);
      counted.clicks += 1;
    },
    async tick(label) {
      await reach(page, named(label));
      await page.keyboard.press(" ");
      assert.ok(await named(label).isChecked(), label);
      counted.clicks += 1;
    },
    async file(label, path) {
      await reach(page, named(label));
      const asked = page.waitForEvent("filechooser");
      await page.keyboard.press("Enter");
      await (await asked).setFiles(path);
    },
  };
}
