/**
 * A whole listing, from what a node answers: that keys, layout and leaves are the ones that the genesis
 * and the package's id fix, that every row block has a bundle that proves what is claimed, and that the
 * totals of charts are those of all blocks. What is claimed is the ledger's word.
 */
import { sha256 } from "@noble/hashes/sha2.js";

import { concat, littleEndian, parseHex } from "./bytes.js";
import { prepareBundle } from "./bundle.js";
import type { BundleContext, Keys, Prepared } from "./bundle.js";
import type { BlockClaims, ColumnClaim, DiversityClaim } from "./claims.js";
import { hashParts, parseScalar, scalarBytes } from "./field.js";
import type { Scalar } from "./field.js";
import { keyHash, verifyingKey } from "./groth16.js";
import type { VerifyingKey } from "./groth16.js";
import { cellEdges, readLayout } from "./layout.js";
import type { Layout } from "./layout.js";
import { g1, g2 } from "./point.js";
import type { G1Point } from "./point.js";
import { Refused } from "./refused.js";
import { checkPowers, verifyTotals } from "./totals.js";
import type { Summary } from "./totals.js";
import { commitment, root } from "./tree.js";

/** Answer of `verifying-keys`. */
export interface VerifyingKeysAnswer {
  tau: string;
  summary_powers: string[];
  circuits: Record<string, string>;
}

/** What is claimed of a table, in the answer of `listings/INSTITUTION/PACKAGE`. */
export interface TableClaims {
  k: number;
  diversity: DiversityClaim[];
  charts: {
    column: number;
    form: "small" | { wide: { step: number | string } };
    totals: {
      count: number | string;
      missing: number | string;
      sum: string;
      sum_squares: string;
      bins: (number | string)[];
    };
    blinders: string[];
  }[];
}

/** The part of that answer which is read here. */
export interface ListingAnswer {
  summary: {
    listing: {
      id: { institution: string; package: string };
      root: string;
      segments: number;
      key: string;
      manifest: string;
    };
  };
  claims: TableClaims[];
}

/** Answer of `listings/INSTITUTION/PACKAGE/proofs/TABLE/BLOCK`. */
export interface BlockProofAnswer {
  proof: { leaves: string[]; path: { nodes: string[] }; bundle: string };
}

/** Keys, and the powers in which totals are committed. */
export interface Parameters extends Keys {
  powers: G1Point[];
  hash: Uint8Array;
  /** Hashes of the verifying keys, by the names of their circuits. */
  hashes: [circuit: string, hash: Uint8Array][];
}

/** A listing whose layout is the one of its package. */
export interface Listing {
  institution: Uint8Array;
  package: Uint8Array;
  root: Uint8Array;
  layout: Layout;
  claims: TableClaims[];
}

/** A row block, by the places of table and block. */
export interface Place {
  table: number;
  block: number;
}

/** What was verified. */
export interface Verified {
  blocks: number;
  statements: number;
}

const hex = (text: string, length?: number): Uint8Array => parseHex(`0x${text}`, length);

/** What is read of an answer that has another form is refused like everything else. */
function foreign<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused("encoding", "the answer has another form than it must have");
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** Reads keys, which must hash to what the genesis pins: 64 hexadecimal digits. */
export const readParameters = (answer: VerifyingKeysAnswer, pinned: string): Parameters =>
  foreign(() => parametersOf(answer, pinned));

function parametersOf(answer: VerifyingKeysAnswer, pinned: string): Parameters {
  const tauBytes = parseHex(answer.tau, 64);
  const powerBytes = answer.summary_powers.map((power) => parseHex(power, 32));
  const keys = new Map(Object.entries(answer.circuits).map(([circuit, key]) => [circuit, parseHex(key)]));
  const hashes = [...keys]
    .map(([circuit, key]): [string, Uint8Array] => [circuit, keyHash(key)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const named = hashes.flatMap(([circuit, key]) => [new TextEncoder().encode(circuit), key]);
  const hash = hashParts("galen/parameters/1", [tauBytes, concat(...powerBytes), ...named]);
  if (!same(hash, hex(pinned, 32))) throw new Refused("key", "the verifying keys are not those that the genesis pins");
  const [tau, powers] = [g2(tauBytes), powerBytes.map(g1)];
  // Points are checked at some cost: only the keys that are needed are read.
  const read = new Map<string, VerifyingKey>();
  const get = (circuit: string): VerifyingKey | undefined => {
    const bytes = keys.get(circuit);
    if (!read.has(circuit) && bytes !== undefined) read.set(circuit, verifyingKey(bytes));
    return read.get(circuit);
  };
  return { tau, powers, hash, hashes, circuits: { get } };
}

/** Reads a listing; the package's id must be that of its parts. */
export const readListing = (answer: ListingAnswer, layoutBytes: Uint8Array): Listing =>
  foreign(() => listingOf(answer, layoutBytes));

function listingOf(answer: ListingAnswer, layoutBytes: Uint8Array): Listing {
  const { id, segments, ...listed } = answer.summary.listing;
  const layout = readLayout(layoutBytes);
  const [packageId, listedRoot] = [hex(id.package, 32), hex(listed.root, 32)];
  const found = sha256(
    concat(
      new TextEncoder().encode("galen/package/v1"),
      listedRoot,
      littleEndian(segments, 8),
      scalarBytes(parseScalar(listed.key)),
      littleEndian(layoutBytes.length, 8),
      layoutBytes,
      hex(listed.manifest, 32),
    ),
  );
  if (!same(found, packageId) || layout.segments !== BigInt(segments)) {
    throw new Refused("layout", "the parts are not those of the package");
  }
  if (answer.claims.length !== layout.tables.length) {
    throw new Refused("claim", "not one claim for every table");
  }
  const institution = hex(id.institution, 32);
  return { institution, package: packageId, root: listedRoot, layout, claims: answer.claims };
}

/** Runs what may refuse a row block, and names the block in the refusal. */
function named<T>(listing: Listing, { table, block }: Place, run: (say: (what: string) => string) => T): T {
  const say = (what: string): string =>
    `table ${listing.layout.tables[table]?.name ?? table}, row block ${block + 1}: ${what}`;
  try {
    return run(say);
  } catch (error) {
    throw error instanceof Refused ? new Refused(error.reason, say(error.message)) : error;
  }
}

/** Checks everything of a row block but the pairings, which are left to be checked with those of others. */
export const prepareBlock = (
  parameters: Parameters,
  listing: Listing,
  place: Place,
  answer: BlockProofAnswer,
): Prepared =>
  named(listing, place, (say) => {
    const { context, claims, bundle } = foreign(() => blockOf(listing, place.table, place.block, answer));
    const { checks, shares } = prepareBundle(parameters, context, claims, bundle);
    return { checks: checks.map((check) => ({ ...check, message: say(check.message) })), shares };
  });

interface Block {
  context: BundleContext;
  claims: BlockClaims;
  bundle: Uint8Array;
}

/** What the bundle of a row block must prove: leaves are in the package's tree, as the layout says. */
function blockOf(listing: Listing, tableAt: number, block: number, answer: BlockProofAnswer): Block {
  const { layout } = listing;
  const table = layout.tables[tableAt];
  const claimed = listing.claims[tableAt];
  const rows = table?.active[block];
  if (table === undefined || claimed === undefined || rows === undefined) {
    throw new Refused("claim", "no such row block");
  }
  const leaves = answer.proof.leaves.map((leaf) => hex(leaf, 70));
  if (leaves.length !== table.columns.length) throw new Refused("leaves", "not one leaf for every column");
  const first = table.first + BigInt(block) * BigInt(table.columns.length);
  const path = answer.proof.path.nodes.map((node) => hex(node, 32));
  if (!same(root(layout.segments, first, leaves, path), listing.root)) {
    throw new Refused("leaves", "the leaves are not in the package's tree");
  }
  const sensitive = claimed.diversity.every(({ column, l }) => l >= 2 && table.columns[column]?.sensitive);
  if (!sensitive) throw new Refused("claim", "diversity is claimed of sensitive columns alone");
  const columns = claimed.charts.map(({ column, form }): ColumnClaim => {
    const spec = table.columns[column];
    if (spec === undefined) throw new Refused("claim", "no such column");
    const step = form === "small" ? 1n : BigInt(form.wide.step);
    return { column, form: form === "small" ? "small" : "wide", chart: { step, edges: cellEdges(spec) } };
  });
  const claims: BlockClaims = {
    commitments: leaves.map((leaf, at) => commitment(leaf, table.columns[at]!.width, rows)),
    blockRows: layout.blockRows,
    rows,
    quasiIdentifiers: table.columns.flatMap(({ quasiIdentifier }, at) => (quasiIdentifier ? [at] : [])),
    k: claimed.k,
    diversity: claimed.diversity,
    columns,
  };
  const context = { package: listing.package, institution: listing.institution, table: tableAt, block };
  return { context, claims, bundle: hex(answer.proof.bundle) };
}

function totalsOf({ totals, blinders }: TableClaims["charts"][number], rows: number): [Summary, Scalar[]] {
  const { count, missing, sum, sum_squares: squares, bins } = totals;
  if (BigInt(count) + BigInt(missing) !== BigInt(rows)) {
    throw new Refused("totals", "count and missing do not add up to the rows of the table");
  }
  const summary = {
    count: BigInt(count),
    missing: BigInt(missing),
    sum: BigInt(sum),
    sumSquares: BigInt(squares),
    bins: bins.map(BigInt),
  };
  return [summary, blinders.map(parseScalar)];
}

/** Every row block of a listing. */
export const places = ({ layout }: Listing): Place[] =>
  layout.tables.flatMap(({ active }, table) => active.map((_, block) => ({ table, block })));

/** Statements that are proven of each row block of a table. */
export const statements = ({ diversity, charts }: TableClaims): number => 1 + diversity.length + charts.length;

/**
 * Verifies every row block and the totals of every chart. `verify` verifies blocks, wherever it likes, and
 * returns their shares of the charts, in the order of the blocks.
 */
export async function verifyListing(
  parameters: Parameters,
  listing: Listing,
  verify: (blocks: Place[]) => Promise<G1Point[][]>,
): Promise<Verified> {
  checkPowers(parameters.powers, parameters.tau);
  const blocks = places(listing);
  const shares = await verify(blocks);
  if (shares.length !== blocks.length) throw new Refused("proofs", "not every row block was verified");
  for (const [at, table] of listing.layout.tables.entries()) {
    const rows = table.active.reduce((sum, active) => sum + active, 0);
    const own = shares.filter((_, i) => blocks[i]!.table === at);
    listing.claims[at]!.charts.forEach((chart, i) => {
      const [summary, blinders] = foreign(() => totalsOf(chart, rows));
      const all = own.map((block) => block[i]!);
      verifyTotals(parameters.powers, all, summary, blinders);
    });
  }
  const proven = blocks.reduce((sum, { table }) => sum + statements(listing.claims[table]!), 0);
  return { blocks: blocks.length, statements: proven };
}
