// worker.mjs SCRIPT FOLDER PACKAGE KEY: opens the package of a folder with the script that a wallet's page
// gives its worker, without a browser; prints what the page would be told, and the most memory it took.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [script, folder, id, key] = process.argv.slice(2);
const files = { summary: "package.json", manifest: "manifest.json" };

globalThis.fetch = async (address, { headers } = {}) => {
  const name = address.split("/").pop();
  if (name === "key") return Response.json({ package: id, key });
  const bytes = readFileSync(join(folder, files[name] ?? name));
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers?.range ?? "");
  return new Response(range === null ? bytes : bytes.subarray(Number(range[1]), Number(range[2]) + 1));
};
globalThis.self = {
  onmessage: null,
  postMessage(news) {
    if (news.kind === "total" || news.kind === "done") return;
    const peak = process.resourceUsage().maxRSS * 1024;
    console.log(JSON.stringify({ ...news, peak }));
  },
};
(0, eval)(readFileSync(script, "utf8"));
self.onmessage({ data: { base: "", token: "" } });
