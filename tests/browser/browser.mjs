// What tests of pages share: a browser with playwright-core, which lies in the folder that is named first.
import { createRequire } from "node:module";

const [tools] = process.argv.slice(2);
const { chromium } = createRequire(`${tools}/`)("playwright-core");

/** Debian's browser, with nothing of its own that asks other places. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/** Prints what a case came to, for the test that runs this. */
export const say = (name, found) => console.log(JSON.stringify({ name, ...found }));

/** Everything that a page asked for at another place than its own. */
export function strangers(page, origin) {
  const asked = [];
  page.on("request", (request) => {
    const { protocol, origin: of } = new URL(request.url());
    if (["http:", "https:", "ws:", "wss:"].includes(protocol) && of !== origin) asked.push(request.url());
  });
  return asked;
}
