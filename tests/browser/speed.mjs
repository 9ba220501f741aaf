// speed.mjs TOOLS NODE RUNS PATH... [--check PATH]: what a real browser loads and when it paints first, on each
// page; and how long "Check in my browser" takes on one. Every run has a new context, and so an empty cache.
// Prints one line of JSON a page.
import { launch, say } from "./browser.mjs";

const [, node, runs, ...rest] = process.argv.slice(2);
const mark = rest.indexOf("--check");
const paths = mark < 0 ? rest : rest.slice(0, mark);
const checked = mark < 0 ? undefined : rest[mark + 1];
const browser = await launch();

const middle = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function visit(path) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const sizes = { page: 0, script: 0 };
  const answers = [];
  page.on("response", (answer) => answers.push(answer));
  await page.goto(`${node}${path}`, { waitUntil: "load" });
  const paint = await page.evaluate(
    () =>
      new Promise((found) => {
        const observer = new PerformanceObserver((list) => {
          const first = list.getEntriesByName("first-contentful-paint")[0];
          if (first) found(first.startTime);
        });
        observer.observe({ type: "paint", buffered: true });
      }),
  );
  for (const answer of answers) {
    const kind = answer.request().resourceType() === "script" ? "script" : "page";
    sizes[kind] += (await answer.body()).length;
  }
  await context.close();
  return { paint, sizes };
}

for (const path of paths) {
  await visit(path);
  const visits = [];
  for (let run = 0; run < Number(runs); run += 1) visits.push(await visit(path));
  say(path, { paint: middle(visits.map((one) => one.paint)), ...visits[0].sizes });
}

if (checked !== undefined) {
  const taken = [];
  let steps = [];
  let text = "";
  for (let run = 0; run < Number(runs); run += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${node}${checked}`);
    await page.evaluate(() => {
      const root = document.querySelector("galen-check").shadowRoot;
      globalThis.steps = [];
      const tell = () => {
        const text = root.querySelector('[role="status"]')?.textContent;
        if (text !== undefined && globalThis.steps.at(-1) !== text) globalThis.steps.push(text);
        if (root.querySelector(".banner") && globalThis.ended === undefined) globalThis.ended = performance.now();
      };
      new MutationObserver(tell).observe(root, { subtree: true, childList: true, characterData: true });
      root.addEventListener("click", () => (globalThis.begun ??= performance.now()), { capture: true });
    });
    await page.getByRole("button", { name: "Check in my browser", exact: true }).click();
    const banner = page.locator("galen-check .banner").first();
    await banner.waitFor({ timeout: 120_000 });
    taken.push(await page.evaluate(() => globalThis.ended - globalThis.begun));
    steps = await page.evaluate(() => globalThis.steps);
    text = await banner.innerText();
    await context.close();
  }
  const progress = steps.filter((line) => /^\d+ of \d+ row blocks verified$/.test(line)).length;
  say("check", { text, milliseconds: middle(taken), progress });
}
await browser.close();
