// check.mjs TOOLS NODE INSTITUTION PACKAGE FOLDER: "Check in my browser" on a real node's page, and what
// it says when answers are changed on the way. Prints one line of JSON a case.
import { readFileSync, writeFileSync } from "node:fs";

import { launch, say, strangers } from "./browser.mjs";

const [, node, institution, id, folder] = process.argv.slice(2);
const address = `${node}/datasets/${institution}/${id}`;
const browser = await launch();

/** Another digit at a place of a text of digits. */
const digit = (text, at) => {
  const place = at < 0 ? text.length + at : at;
  return text.slice(0, place) + (text[place] === "1" ? "2" : "1") + text.slice(place + 1);
};

/** A page whose answers to paths that match are changed as JSON. */
async function open({ change, lang, script = true } = {}) {
  const context = await browser.newContext({ javaScriptEnabled: script });
  const page = await context.newPage();
  const broken = [];
  page.on("pageerror", (error) => broken.push(String(error)));
  // Browsers look for an icon that no page names.
  const icon = (message) => message.location().url.endsWith("/favicon.ico");
  page.on("console", (message) => message.type() === "error" && !icon(message) && broken.push(message.text()));
  const asked = strangers(page, node);
  if (change !== undefined) {
    await context.route(change.path, async (route) => {
      const answer = await route.fetch();
      const body = await answer.json();
      await route.fulfill({ response: answer, json: (await change.to(body)) ?? body });
    });
  }
  await page.goto(address);
  if (lang !== undefined) await page.evaluate((to) => document.documentElement.setAttribute("lang", to), lang);
  return { context, page, broken, asked };
}

/** What the element shows once it has come to an end. */
async function outcome(page) {
  const banner = page.locator("galen-check .banner").first();
  await banner.waitFor({ timeout: 120_000 });
  return (await page.locator("galen-check").evaluate((found) => found.shadowRoot.textContent)).replaceAll(/\s+/g, " ");
}

const start = (page, name = "Check in my browser") => page.getByRole("button", { name, exact: true }).click();

// ---- An honest node ----

{
  const { context, page, broken, asked } = await open();
  const seen = [];
  await page.exposeFunction("seen", (text) => seen.push(text));
  await page.evaluate(() => {
    const root = document.querySelector("galen-check").shadowRoot;
    const tell = () => {
      const text = root.querySelector('[role="status"]')?.textContent;
      if (text !== undefined) window.seen(text);
    };
    new MutationObserver(tell).observe(root, { subtree: true, childList: true, characterData: true });
  });
  await start(page);
  const text = await outcome(page);
  await page.screenshot({ path: `${folder}/verified.png`, fullPage: true });
  const download = page.waitForEvent("download");
  await start(page, "Save what was checked");
  await (await download).saveAs(`${folder}/evidence.json`);
  const file = await page.locator("galen-check a[download]").getAttribute("href");
  const policy = await page.evaluate(async (path) => {
    const answer = await fetch(path);
    return { cache: answer.headers.get("cache-control"), kept: answer.headers.get("content-disposition") };
  }, file);
  const kept = await (await context.request.get(`${node}${file}`)).body();
  writeFileSync(`${folder}/galen-check.html`, kept);
  const progress = seen.filter((line) => /^\d+ of \d+ row blocks verified$/.test(line));
  say("honest", { text, broken, asked, progress, policy });
  await context.close();
}

{
  const { context, page } = await open({ lang: "zh-CN" });
  await page.evaluate(() => {
    const element = document.querySelector("galen-check");
    element.replaceWith(element.cloneNode(true));
  });
  await start(page, "在我的浏览器中核验");
  say("chinese", { text: await outcome(page) });
  await context.close();
}

{
  const { context, page } = await open({ script: false });
  say("no-script", { text: await page.locator("galen-check").innerText() });
  await context.close();
}

{
  const { context, page } = await open();
  await start(page);
  await start(page, "Cancel");
  say("cancelled", { text: await page.locator('galen-check [role="status"]').innerText() });
  await context.close();
}

// ---- Answers that were changed ----

const proofs = /\/api\/v1\/proofs\?/;
const listing = new RegExp(`/api/v1/listings/${institution}/${id}$`);
const block = /\/proofs\/0\/1$/;
const lies = {
  "proof byte": { path: block, to: (body) => void (body.proof.bundle = digit(body.proof.bundle, -127)) },
  "leaf": { path: block, to: (body) => void (body.proof.leaves[0] = digit(body.proof.leaves[0], 80)) },
  "proof of another block": {
    path: block,
    to: async () => (await fetch(`${node}/api/v1/listings/${institution}/${id}/proofs/0/2`)).json(),
  },
  "root": { path: listing, to: (body) => void (body.summary.listing.root = digit(body.summary.listing.root, 5)) },
  "k": { path: listing, to: (body) => void (body.claims[0].k += 1) },
  "price": { path: listing, to: (body) => void (body.summary.offer.tiers[0].price.amount = "1") },
  "listing of another name": {
    path: proofs,
    to: (body) => void (body.proofs[0].key = digit(body.proofs[0].key, 10)),
  },
  "absence": { path: proofs, to: (body) => void (body.proofs[0].value = null) },
  "state root": {
    path: proofs,
    to: (body) => void (body.block.header.state_root = digit(body.block.header.state_root, 0)),
  },
  "header": { path: proofs, to: (body) => void (body.block.header.time_ms += 1) },
  "chain of the header": {
    path: proofs,
    to: (body) => void (body.block.header.chain_id = digit(body.block.header.chain_id, 3)),
  },
  "signature": {
    path: proofs,
    to: ({ block: { certificate } }) => {
      certificate.signatures[0].signature = digit(certificate.signatures[0].signature, 3);
    },
  },
  "no signatures": { path: proofs, to: (body) => void (body.block.certificate.signatures = []) },
  "other validators": { path: proofs, to: (body) => void (body.block.validators[0].power += 1) },
  "verifying key": {
    path: /\/verifying-keys$/,
    to: ({ circuits }) => {
      const name = Object.keys(circuits).find((circuit) => circuit.startsWith("k-anonymity/"));
      circuits[name] = digit(circuits[name], 8);
    },
  },
  "genesis": { path: /\/genesis$/, to: (body) => void (body.name = "another") },
  "missing proofs": { path: block, to: () => ({}) },
};
for (const [name, change] of Object.entries(lies)) {
  const { context, page } = await open({ change });
  await start(page);
  say(`lie: ${name}`, { text: await outcome(page) });
  if (name === "signature") await page.screenshot({ path: `${folder}/refused.png`, fullPage: true });
  await context.close();
}

// ---- The standalone file ----

async function standalone(fill, expected) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const asked = strangers(page, node);
  await page.goto(`file://${folder}/galen-check.html`);
  await fill(page);
  const text = await outcome(page);
  say(`standalone: ${expected}`, { text, asked });
  await context.close();
}

await standalone(async (page) => {
  const form = page.locator("galen-check form").first();
  await form.getByLabel("Address of a node").fill(node);
  await form.getByLabel("Institution").fill(institution);
  await form.getByLabel("Package").fill(id);
  await page.screenshot({ path: `${folder}/standalone.png`, fullPage: true });
  await form.getByRole("button", { name: "Check in my browser" }).click();
}, "node");

const fromFile = (path, genesis) => async (page) => {
  const form = page.locator("galen-check form").nth(1);
  await form.getByLabel("Saved check").setInputFiles(path);
  if (genesis !== undefined) await form.getByLabel("Genesis hash").fill(genesis);
  await form.getByRole("button", { name: "Check in my browser" }).click();
};
const saved = `${folder}/evidence.json`;
await standalone(fromFile(saved), "saved");
await standalone(fromFile(saved, "0".repeat(64)), "saved, of another ledger");
const evidence = JSON.parse(readFileSync(saved, "utf8"));
const path = Object.keys(evidence.answers).find((one) => one.endsWith("/proofs/0/1"));
const answer = JSON.parse(evidence.answers[path]);
answer.proof.bundle = digit(answer.proof.bundle, -127);
evidence.answers[path] = JSON.stringify(answer);
writeFileSync(`${folder}/changed.json`, JSON.stringify(evidence));
await standalone(fromFile(`${folder}/changed.json`), "saved, changed");

await browser.close();
