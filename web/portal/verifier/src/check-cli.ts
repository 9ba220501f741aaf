/**
 * `node check-cli.js listing NODE INSTITUTION PACKAGE [GENESIS]`: checks a listing of a node, from its
 * genesis to every proof. `node check-cli.js licence FILE [GENESIS]`: checks a licence certificate.
 * GENESIS is the genesis hash that is trusted. Prints one line of JSON: what was verified, or the reason of
 * the refusal.
 */
import { readFileSync } from "node:fs";

import { checkListing, prepared, verifyHere } from "./check.js";
import { verifyLicence } from "./licence.js";
import { Refused } from "./refused.js";
import { nodeSource } from "./source.js";

const usage = "usage: node check-cli.js listing NODE INSTITUTION PACKAGE [GENESIS] | licence FILE [GENESIS]";
const [what, first, ...rest] = process.argv.slice(2);

async function listing(node: string, institution: string, id: string, chainId?: string): Promise<object> {
  const ask = nodeSource(node);
  const wanted = { institution, package: id, ...(chainId === undefined ? {} : { chainId }) };
  return checkListing(
    ask,
    wanted,
    Date.now(),
    (given, places) => verifyHere(ask, prepared(given), wanted, places, () => undefined),
    () => undefined,
  );
}

try {
  let found: object;
  if (what === "listing" && first !== undefined && rest[0] !== undefined && rest[1] !== undefined) {
    found = await listing(first, rest[0], rest[1], rest[2]);
  } else if (what === "licence" && first !== undefined) {
    found = verifyLicence(readFileSync(first), Date.now(), rest[0]);
  } else {
    throw new Error(usage);
  }
  console.log(JSON.stringify({ outcome: "accepted", ...found }));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(JSON.stringify({ outcome: error.reason, message: error.message }));
  process.exitCode = 1;
}
