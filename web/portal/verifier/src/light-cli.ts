/**
 * `node light-cli.js FILE`: checks the cases of a JSON file with the light client and prints, for each, one
 * line of JSON with its name and its outcome: `accepted` and what is to be told besides, or the reason of
 * the refusal.
 */
import { readFileSync } from "node:fs";

import { readLightBlock } from "./header.js";
import { digits, fields, items, parseJson, text, whole } from "./json.js";
import { cautions, verifyLicence } from "./licence.js";
import { follow, reach, readGenesis } from "./light.js";
import { Refused } from "./refused.js";
import { mustBe, readStateProof, verifyState } from "./state.js";
import { offer } from "./types.js";

type Case = Record<string, unknown>;

const MOST = 4096;

/** A path from a genesis. */
function path(given: Case, nowMs: bigint): void {
  const blocks = items(given["path"], MOST, "path").map((block, i) => readLightBlock(block, `path[${i}]`));
  follow(readGenesis(given["genesis"]), blocks, nowMs);
}

/** The last of some blocks, reached from a genesis over those in between that are needed. */
async function last(given: Case, nowMs: bigint): Promise<void> {
  const blocks = items(given["blocks"], MOST, "blocks");
  const read = (height: bigint): ReturnType<typeof readLightBlock> =>
    readLightBlock(blocks[Number(height) - 1], `blocks[${height}]`);
  const target = read(BigInt(blocks.length));
  const passed = await reach(readGenesis(given["genesis"]), target, nowMs, async (height) => read(height));
  if (passed > Number(given["most"])) throw new Error(`${passed} blocks were looked at`);
}

function state(given: Case): void {
  const key = digits(given["key"], undefined, "key");
  verifyState(readStateProof(given["proof"], "proof"), key, digits(given["root"], 32, "root"), "the key");
}

/** A version of an offer, whose canonical bytes are given too. */
function bytes(given: Case): void {
  mustBe(offer(given["offer"], "offer"), digits(given["bytes"], undefined, "bytes"), "the offer");
}

/** What is to be told besides that it was accepted, but for what all of these ledgers have: forgeable keys. */
async function run(given: Case): Promise<string[]> {
  const now = (): bigint => whole(given["now_ms"], 64, "now_ms");
  if (given["kind"] === "path") path(given, now());
  else if (given["kind"] === "last") await last(given, now());
  else if (given["kind"] === "state") state(given);
  else if (given["kind"] === "licence") {
    const file = new TextEncoder().encode(JSON.stringify(given["file"]));
    const licence = verifyLicence(file, Number(now()), text(given["chain_id"], "chain_id"));
    return cautions(licence).filter((caution) => caution !== "forgeable");
  } else if (given["kind"] === "offer") bytes(given);
  else throw new Error("no such kind of case");
  return [];
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: node light-cli.js FILE");
for (const one of items(parseJson(readFileSync(file), file), MOST, file)) {
  const given = fields(one, "case");
  let outcome: string;
  try {
    outcome = ["accepted", ...(await run(given))].join(", ");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    outcome = error.reason;
  }
  console.log(JSON.stringify({ name: given["name"], outcome }));
}
