/**
 * What is claimed of a row block, and the list of statements that prove it. Both sides derive the
 * list from the claims; nothing of it comes from a bundle.
 */
import { littleEndian, join } from "./bytes.js";
import { hashToScalar } from "./field.js";
import type { Scalar } from "./field.js";
import type { G1Point } from "./point.js";
import { Refused } from "./refused.js";

/** Rows of a block, and of the small block that only development ledgers take. */
export const BLOCK_ROWS = 32_760;
export const SMALL_BLOCK_ROWS = 1_016;

/** Most proofs of a bundle, and most columns of a block. */
export const MAX_PROOFS = 320;
export const MAX_COLUMNS = 1_024;

/** Bins of a chart. */
export const BINS = 32;

/** In every class, a column takes at least `l` different values; missing is none of them. */
export interface DiversityClaim {
  column: number;
  l: number;
  order: "tail" | "any";
}

/** Bins `edges[0]..edges[1]`, `edges[1]..edges[2]` and so on; edges are 1 and multiples of the step. */
export interface Chart {
  step: bigint;
  edges: bigint[];
}

/** Every cell is missing or in a bin of the chart; the block's share of the chart is committed to. */
export interface ColumnClaim {
  column: number;
  form: "small" | "wide";
  chart: Chart;
}

/** What is claimed of a block: from layout, leaves and listing, never from the bundle. */
export interface BlockClaims {
  /** Commitments of every column of the block, in layout order. */
  commitments: G1Point[];
  blockRows: number;
  rows: number;
  /** Indices into `commitments`, strictly ascending. */
  quasiIdentifiers: number[];
  k: number;
  /** Strictly ascending by column. */
  diversity: DiversityClaim[];
  /** Strictly ascending by column. */
  columns: ColumnClaim[];
}

/** One statement of a bundle. */
export type Statement =
  | { kind: "k-anonymity" }
  | { kind: "diversity"; claim: DiversityClaim }
  | { kind: "column"; claim: ColumnClaim; place: number };

/** A statement as a bundle must show it. */
export interface Expected {
  circuit: string;
  inputs: Scalar[];
  /** How many commitments beside `D` it speaks of. */
  auxiliary: number;
  statement: Statement;
}

const impossible = (what: string): Refused => new Refused("claim", what);

/** Names of all circuits that a bundle may hold. */
export const TABLE_CIRCUITS = ["k-anonymity", "l-diversity-tail", "l-diversity-any", "column-small", "column-wide"]
  .flatMap((statement) => [BLOCK_ROWS, SMALL_BLOCK_ROWS].map((rows) => `${statement}/1/${rows}`));

/** Whether every item comes strictly before the next. */
export function ascending<T>(items: T[], order: (a: T, b: T) => number): boolean {
  return items.every((item, i) => i === 0 || order(items[i - 1]!, item) < 0);
}

/** Sizes of the tables of a statement about a column. */
export function tables(claims: BlockClaims): { codes: number; steps: bigint; grid: number } {
  return claims.blockRows === BLOCK_ROWS
    ? { codes: 6_528, steps: 32_768n, grid: 26_176 }
    : { codes: 1_003, steps: 1_024n, grid: 809 };
}

/** First table entry of each bin, and the first beyond. */
export function entries(claims: BlockClaims, { form, chart }: ColumnClaim): number[] {
  const { step, edges } = chart;
  if (step < 1n) throw impossible("the step of a chart is zero");
  if (edges.length < 2 || edges.length > BINS + 1) throw impossible("a chart has between 1 and 32 bins");
  if (edges[0]! < 1n) throw impossible("a bin cannot hold missing cells");
  if (!ascending(edges, (a, b) => (a < b ? -1 : 1))) throw impossible("edges do not increase");
  if (edges.some((edge) => (edge - 1n) % step !== 0n)) throw impossible("an edge is off the grid");
  const { codes, steps, grid } = tables(claims);
  if (form === "small" && step !== 1n) throw impossible("the chart of a small column has a step of one");
  if (form === "wide" && edges[0] !== 1n) throw impossible("the chart of a wide column begins at one");
  if (form === "wide" && step > steps) throw impossible("the step is larger than the statement has");
  const [of, table] =
    form === "small"
      ? [(edge: bigint): bigint => edge, codes]
      : [(edge: bigint): bigint => (edge - 1n) / step, grid];
  return edges.map((edge) => {
    const entry = of(edge);
    if (entry > BigInt(table)) throw impossible("a bin reaches beyond the values that the statement has");
    return Number(entry);
  });
}

/** The columns that statements use, and that a bundle therefore opens. */
export function opened(claims: BlockClaims): number[] {
  const all = new Set(claims.quasiIdentifiers);
  for (const claim of [...claims.diversity, ...claims.columns]) all.add(claim.column);
  return [...all].sort((a, b) => a - b);
}

function check(claims: BlockClaims): void {
  const { blockRows, rows, k, quasiIdentifiers, commitments, diversity, columns } = claims;
  if (blockRows !== BLOCK_ROWS && blockRows !== SMALL_BLOCK_ROWS) throw impossible("no such block size");
  if (commitments.length > MAX_COLUMNS) throw impossible("too many columns");
  if (1 + diversity.length + columns.length > MAX_PROOFS) throw impossible("too many statements");
  if (rows > blockRows) throw impossible("more rows than the block holds");
  const padding = blockRows - rows;
  for (const least of [k, ...diversity.map((claim) => claim.l)]) {
    if (least < 1 || least >= 1 << 16) throw impossible("k and l must be between 1 and 65,535");
    if (rows < least) throw impossible("fewer rows than k or l");
    if (padding !== 0 && padding < least) throw impossible("padding shorter than k or l");
  }
  const byColumn = (a: { column: number }, b: { column: number }): number => a.column - b.column;
  if (quasiIdentifiers.length === 0) throw impossible("no quasi-identifier");
  if (!ascending(quasiIdentifiers, (a, b) => a - b)) throw impossible("quasi-identifiers out of order");
  if (!ascending(diversity, byColumn) || !ascending(columns, byColumn)) throw impossible("columns out of order");
  if (opened(claims).some((column) => column >= commitments.length)) throw impossible("no such column");
  if (diversity.some((claim) => quasiIdentifiers.includes(claim.column))) {
    throw impossible("a quasi-identifier is not diverse");
  }
  for (const claim of columns) entries(claims, claim);
}

function digest({ step, edges }: Chart): Scalar {
  const numbers = (values: bigint[]): Uint8Array => join(values.map((value) => littleEndian(value, 8)));
  return hashToScalar("galen/chart/1", [numbers([step]), numbers(edges)]);
}

/** The statements in the order of a bundle: k-anonymity, diversity, columns. */
export function expected(claims: BlockClaims): Expected[] {
  check(claims);
  const size = claims.blockRows;
  const first: Expected = {
    circuit: `k-anonymity/1/${size}`,
    inputs: [BigInt(claims.k)],
    auxiliary: 0,
    statement: { kind: "k-anonymity" },
  };
  const diversity = claims.diversity.map((claim): Expected => ({
    circuit: `l-diversity-${claim.order}/1/${size}`,
    inputs: [BigInt(claim.column), BigInt(claim.l)],
    auxiliary: 0,
    statement: { kind: "diversity", claim },
  }));
  const columns = claims.columns.map((claim, place): Expected => ({
    circuit: `column-${claim.form}/1/${size}`,
    inputs: [BigInt(claim.column), digest(claim.chart)],
    auxiliary: 1,
    statement: { kind: "column", claim, place },
  }));
  return [first, ...diversity, ...columns];
}
