/**
 * `node cli.js FILE`: verifies the cases of a JSON file and prints, for each, one line of JSON with
 * its name and its outcome: `accepted`, or the reason of the refusal.
 */
import { readFileSync } from "node:fs";

import { parseHex } from "./bytes.js";
import { verifyBundle } from "./bundle.js";
import { parseScalar } from "./field.js";
import { verifyingKey } from "./groth16.js";
import { verifyPlain } from "./plain.js";
import { g1, g2 } from "./point.js";
import type { G1Point } from "./point.js";
import { Refused } from "./refused.js";
import { checkPowers, verifyTotals } from "./totals.js";

interface PlainCase {
  name: string;
  kind: "plain";
  key: string;
  inputs: string[];
  proof: string;
}

interface BundleCase {
  name: string;
  kind: "bundle";
  tau: string;
  keys: Record<string, string>;
  context: { package: string; institution: string; table: number; block: number };
  claims: {
    commitments: string[];
    block_rows: number;
    rows: number;
    quasi_identifiers: number[];
    k: number;
    diversity: { column: number; l: number; order: "tail" | "any" }[];
    columns: {
      column: number;
      form: "small" | "wide";
      /** Decimal texts. */
      step: string;
      edges: string[];
    }[];
  };
  bundle: string;
}

interface TotalsCase {
  name: string;
  kind: "totals";
  tau: string;
  powers: string[];
  shares: string[];
  /** Decimal texts: count, missing, sum, sum of squares, bins. */
  totals: string[];
  blinders: string[];
}

function plain(given: PlainCase): void {
  verifyPlain(verifyingKey(parseHex(given.key)), given.inputs.map(parseScalar), parseHex(given.proof));
}

function bundle(given: BundleCase): void {
  const circuits = Object.entries(given.keys).map(
    ([circuit, key]) => [circuit, verifyingKey(parseHex(key))] as const,
  );
  const { claims, context } = given;
  verifyBundle(
    { tau: g2(parseHex(given.tau, 64)), circuits: new Map(circuits) },
    {
      package: parseHex(context.package, 32),
      institution: parseHex(context.institution, 32),
      table: context.table,
      block: context.block,
    },
    {
      commitments: claims.commitments.map((commitment) => g1(parseHex(commitment, 32))),
      blockRows: claims.block_rows,
      rows: claims.rows,
      quasiIdentifiers: claims.quasi_identifiers,
      k: claims.k,
      diversity: claims.diversity,
      columns: claims.columns.map(({ column, form, step, edges }) => ({
        column,
        form,
        chart: { step: BigInt(step), edges: edges.map(BigInt) },
      })),
    },
    parseHex(given.bundle),
  );
}

function totals(given: TotalsCase): void {
  const points = (texts: string[]): G1Point[] => texts.map((text) => g1(parseHex(text, 32)));
  const powers = points(given.powers);
  checkPowers(powers, g2(parseHex(given.tau, 64)));
  const [count = 0n, missing = 0n, sum = 0n, sumSquares = 0n, ...bins] = given.totals.map(BigInt);
  const summary = { count, missing, sum, sumSquares, bins };
  verifyTotals(powers, points(given.shares), summary, given.blinders.map(parseScalar));
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: node cli.js FILE");
const cases = JSON.parse(readFileSync(file, "utf8")) as (PlainCase | BundleCase | TotalsCase)[];
for (const given of cases) {
  let outcome = "accepted";
  try {
    if (given.kind === "plain") plain(given);
    else if (given.kind === "bundle") bundle(given);
    else totals(given);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    outcome = error.reason;
  }
  console.log(JSON.stringify({ name: given.name, outcome }));
}
