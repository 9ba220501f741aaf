// newcomer.mjs TOOLS NODE WALLET CODE CONSOLE CODE PASSWORD PACKAGE FOLDER: what somebody new does on the pages
// of a real node, a real wallet and a real console, by what can be read there. PACKAGE is where the wallet keeps
// what it fetches; files are read from and saved in FOLDER. Prints one line of JSON a case.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import { launch, say, strangers } from "./browser.mjs";
import { keyboard, mouse } from "./hands.mjs";
import { looks, picture } from "./looks.mjs";

const [, node, wallet, code, steward, stewardCode, password, packageFolder, folder] = process.argv.slice(2);
const TITLE = "Diabetes care in one clinic";
const browser = await launch();

/** A page of somebody who knows the wallet's code. */
async function open(options = {}) {
  const context = await browser.newContext({ locale: "en-GB", httpCredentials: { username: "me", password: code }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const broken = [];
  page.on("pageerror", (error) => broken.push(String(error)));
  // Refusals and the question for the code are answers, too.
  const answers = /Failed to load resource: the server responded with a status of 4/;
  page.on("console", (message) => message.type() === "error" && !answers.test(message.text()) && broken.push(message.text()));
  // Pages link to where a wallet is served unless it is told otherwise.
  await context.route("http://127.0.0.1:4860/**", (route) =>
    route.fulfill({ status: 302, headers: { location: route.request().url().replace("http://127.0.0.1:4860", wallet) } }),
  );
  return { context, page, broken };
}

const find = async (page, click, title = TITLE) => {
  await page.goto(`${node}/`);
  await page.getByRole("searchbox").first().fill("diabetes");
  await page.keyboard.press("Enter");
  await click("link", title);
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
};

// ---- List a table, by keyboard alone ----

{
  const { context, page, broken } = await open({ httpCredentials: { username: "me", password: stewardCode } });
  const asked = strangers(page, steward);
  const { counted, click, fill, select, next, choose, file } = keyboard(page);
  const at = (name) => page.getByRole("heading", { level: 1, name }).waitFor();
  await page.goto(`${steward}/`);
  await fill("Password", password);
  await click("button", "Unlock");
  await click("link", "Offer a dataset");
  await at("Offer a dataset");
  await looks(page, "console-offer");
  await file("Table file (CSV or Parquet)", `${folder}/practice.csv`);
  await click("button", "Read the table");
  await at("Columns");
  for (const [column, role] of Object.entries({
    age: "quasi-identifier: generalised",
    sex: "quasi-identifier: generalised",
    hba1c: "sensitive: kept",
    visits: "insensitive: kept",
    since: "drop: left out",
    remark: "drop: left out",
  })) {
    await select(`Role of ${column}`, role);
  }
  await next("Rows of a proof block");
  await click("button", "Save and preview");
  await page.waitForURL(/#groups$/);
  await page.waitForLoadState();
  await looks(page, "console-columns");
  await click("button", "Compare risk and loss");
  await choose("k = 11");
  await looks(page, "console-risk");
  await click("button", "Use this k");
  await at("Describe the dataset");
  await fill("Short name", "practice");
  await fill("Title", "Blood sugar in one practice");
  await fill("Description", "HbA1c and visits, one row a patient.");
  await fill("How to cite", "A practice, 2026.");
  await fill("Price", "45.00");
  await fill("Name of the licence", "A licence");
  await fill("Text of the licence", "For health research.");
  await looks(page, "console-describe");
  await click("button", "Continue");
  await at("Prepare and prove");
  await click("button", "Prepare and prove");
  await page.getByRole("button", { name: "Sign and publish" }).waitFor();
  await looks(page, "console-publish");
  await click("button", "Sign and publish");
  await page.getByText("The dataset is live.").first().waitFor();
  assert.deepEqual(broken, []);
  assert.deepEqual(asked, [], "the console's pages ask nobody else");
  say("list", counted);
  await page.goto(`${steward}/`);
  await looks(page, "console");
  await page.goto(`${steward}/money`);
  await looks(page, "console-money");
  await context.close();
}

// ---- Check what a listing claims ----

{
  const { context, page, broken } = await open();
  const { counted, click } = mouse(page);
  await find(page, click);
  await click("button", "Check in my browser");
  await page.getByText("Verified in this browser.").waitFor();
  assert.deepEqual(broken, []);
  say("check", counted);
  await picture(page, "check", page.getByText("Verified in this browser."));
  await context.close();
}

// Other pages of the portal, in either language.
if (process.env.GALEN_PICTURES !== undefined) {
  const { context, page } = await open();
  // The language that was chosen last stays.
  for (const [lang, ending] of [["zh", "-zh"], ["en", ""]]) {
    for (const [name, path] of [["institutions", "/institutions"], ["wanted", "/wanted"], ["explorer", "/explorer"], ["datasets", "/"]]) {
      await page.goto(`${node}${path}?lang=${lang}`);
      await picture(page, name + ending);
    }
    await page.getByRole("link", { name: TITLE }).first().click();
    await picture(page, `dataset${ending}`);
  }
  await context.close();
}

// ---- Find a dataset that one qualifies for, buy it, open it ----

const { context, page, broken } = await open();
const asked = strangers(page, wallet);
{
  const { counted, click } = mouse(page);
  await find(page, click);
  await click("link", "See whether you qualify, and buy, in your wallet on this machine");
  asked.length = 0;
  await page.getByLabel("Password", { exact: true }).fill(password);
  await looks(page, "wallet-unlock");
  await click("button", "Unlock");
  await page.getByLabel("Purpose", { exact: true }).selectOption("health");
  await looks(page, "wallet-buy");
  await click("button", "See whether I qualify");
  await page.getByText("Yes: you qualify").waitFor();
  await page.getByText("For research on diabetes. Tell us what you find.").waitFor();
  await looks(page, "wallet-sign", page.getByRole("heading", { name: "Yes: you qualify" }));
  await click("button", "Accept the licence and request for 100.00 EUR");
  await page.getByRole("heading", { level: 1, name: /key delivered|finished/ }).waitFor();
  // The page loads itself again until the deal is settled.
  await page.getByRole("heading", { level: 1, name: "finished" }).waitFor();
  await looks(page, "wallet-deal");
  for (const [name, file] of [["receipt", "receipt.json"], ["licence certificate", "licence.json"]]) {
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name }).click();
    await (await download).saveAs(`${folder}/${file}`);
  }
  await click("link", "Open in this browser");
  await page.getByText("Opened in this browser", { exact: true }).waitFor();
  await looks(page, "wallet-open");
  for (const [name, file] of [["Save clinic.csv", "clinic.csv"], ["Save about/codebook.txt", "codebook.txt"]]) {
    const download = page.waitForEvent("download");
    await click("link", name);
    await (await download).saveAs(`${folder}/${file}`);
  }
  assert.deepEqual(broken, []);
  assert.deepEqual(asked, [], "the wallet's pages ask nobody else");
  say("buy", counted);
}

for (const [name, path] of [["wallet", "/"], ["wallet-qualify", "/qualify"]]) {
  const other = await context.newPage();
  await other.goto(`${wallet}${path}`);
  await looks(other, name);
  await other.close();
}

// ---- A package that was changed after it was fetched ----

const opening = page.url();
/** Opens with one file of the package changed, and brings it back. */
async function changed(name, change) {
  const path = `${packageFolder}/${name}`;
  const bytes = readFileSync(path);
  writeFileSync(path, change(Buffer.from(bytes)));
  await page.goto(opening);
  await page.getByText("Not opened").waitFor();
  const said = await page.getByRole("alert").innerText();
  const offered = await page.getByRole("link", { name: /^Save/ }).count();
  writeFileSync(path, bytes);
  return { text: said.replaceAll(/\s+/g, " "), offered };
}
const flip = (at) => (bytes) => {
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] ^= 1;
  return bytes;
};
// The last byte is in the last segment.
const segments = readFileSync(`${packageFolder}/leaves`).length / 70;
say("flipped byte", { ...(await changed("segments", flip(-1))), segment: segments - 1 });
say("changed leaf", await changed("leaves", flip(6)));
say("changed layout", await changed("layout", flip(-1)));
say("cut off", await changed("segments", (bytes) => bytes.subarray(0, -1)));
await page.getByRole("button", { name: "Try again" }).click();
await page.getByText("Opened in this browser", { exact: true }).waitFor();

// ---- By keyboard alone: find, check, buy, open ----

{
  const { context, page, broken } = await open();
  const { counted, click, fill, select, tick } = keyboard(page);
  await page.goto(`${node}/`);
  await fill("Search datasets", "blood sugar");
  await page.keyboard.press("Enter");
  await click("link", "Blood sugar in one practice");
  await click("button", "Check in my browser");
  await page.getByText("Verified in this browser.").waitFor();
  await click("link", "See whether you qualify, and buy, in your wallet on this machine");
  await select("Purpose", "health");
  await tick("I undertake all that the terms ask for, which binds my licence");
  await click("button", "See whether I qualify");
  await page.getByText("Yes: you qualify").waitFor();
  await click("button", "Accept the licence and request for 45.00 EUR");
  await page.getByRole("heading", { level: 1, name: "finished" }).waitFor();
  await click("link", "Open in this browser");
  await page.getByText("Opened in this browser", { exact: true }).waitFor();
  const download = page.waitForEvent("download");
  await click("link", "Save practice.csv");
  await (await download).saveAs(`${folder}/practice-bought.csv`);
  assert.deepEqual(broken, []);
  say("keyboard", counted);
  await context.close();
}

// ---- In Chinese, and the console's page of a deal ----

{
  const { context, page, broken } = await open({ locale: "zh-CN" });
  const deal = opening.replace(/\/browser$/, "");
  for (const [name, path, said] of [
    ["wallet-zh", `${wallet}/`, "交易"],
    ["wallet-qualify-zh", `${wallet}/qualify`, "数据集"],
    ["wallet-deal-zh", deal, "许可"],
    ["wallet-open-zh", opening, "已在本浏览器中打开"],
  ]) {
    await page.goto(path);
    await page.getByText(said).first().waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-Hans");
    await looks(page, name);
  }
  assert.equal(await page.getByRole("link", { name: /^保存/ }).count(), 2);
  assert.deepEqual(broken, []);
  await context.close();
}
for (const [locale, ending] of [["en-GB", ""], ["zh-CN", "-zh"]]) {
  const { context, page, broken } = await open({ locale, httpCredentials: { username: "me", password: stewardCode } });
  await page.goto(`${steward}/deals`);
  const locked = page.locator("input[type=password]");
  if (await locked.count()) {
    await locked.fill(password);
    await page.keyboard.press("Enter");
  }
  const deals = page.locator("main a[href^='/deals/']");
  await deals.first().waitFor();
  await looks(page, `console-deals${ending}`);
  await deals.first().click();
  await page.waitForURL(/\/deals\/[0-9a-f]{64}$/);
  await looks(page, `console-deal${ending}`);
  for (const [name, path] of [["console", "/"], ["console-money", "/money"], ["console-offer", "/offer"]]) {
    if (ending === "") break;
    await page.goto(`${steward}${path}`);
    await looks(page, `${name}${ending}`);
  }
  assert.deepEqual(broken, []);
  await context.close();
}

// ---- Without scripts, and locked ----

{
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(opening);
  say("no-script", { text: await page.getByRole("main").innerText() });
  await context.close();
}
{
  const other = await context.newPage();
  await other.goto(`${wallet}/`);
  await other.getByRole("button", { name: "Lock" }).click();
  await other.getByRole("heading", { name: "Unlock your wallet" }).waitFor();
  await page.getByRole("button", { name: "Open again" }).click();
  await page.getByText("Not opened").waitFor();
  const offered = await page.getByRole("link", { name: /^Save/ }).count();
  say("locked", { text: await page.getByRole("alert").innerText(), offered });
}
await browser.close();
