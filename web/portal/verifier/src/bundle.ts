/**
 * The proofs about one row block: one challenge drawn from everything that was committed to and from
 * the place that the bundle is for, and every column opened once at it.
 */
import { littleEndian, whole } from "./bytes.js";
import { Fr, hashToScalar, readScalar, scalarBytes } from "./field.js";
import type { Scalar } from "./field.js";
import { commitmentBytes, readCommitment, readProof, verifyCommitted } from "./groth16.js";
import type { Commitment, Proof, VerifyingKey } from "./groth16.js";
import { verifyOpening } from "./opening.js";
import { g1Bytes, readG1, readG1OrZero } from "./point.js";
import type { G1Point, G2Point } from "./point.js";
import { Refused } from "./refused.js";

/** Rows of a block, and of the small block that only development ledgers take. */
export const BLOCK_ROWS = 32_760;
export const SMALL_BLOCK_ROWS = 1_016;

const MAX_BUNDLE_BYTES = 256 * 1024;
const MAX_PROOFS = 320;
const MAX_INPUTS = 4;
const MAX_AUXILIARY = 1;
const MAX_COLUMNS = 1_024;
const MAX_NAME = 64;

/** The place that a bundle is for. */
export interface BundleContext {
  package: Uint8Array;
  institution: Uint8Array;
  table: number;
  block: number;
}

/** What is claimed of a block: from the layout and the leaves of the package, never from the bundle. */
export interface BlockClaims {
  /** Commitments of every column of the block, in layout order. */
  commitments: G1Point[];
  blockRows: number;
  rows: number;
  /** Indices into `commitments`, strictly ascending. */
  quasiIdentifiers: number[];
  k: number;
}

interface BundleProof {
  circuit: string;
  inputs: Scalar[];
  commitment: Commitment;
  auxiliary: G1Point[];
  proof: Proof;
}

interface Bundle {
  proofs: BundleProof[];
  evaluations: { column: number; value: Scalar }[];
  auxiliary: Scalar[];
  opening: G1Point;
}

/** Circuits, and what they are verified with. */
export interface Keys {
  tau: G2Point;
  circuits: Map<string, VerifyingKey>;
}

const u32 = (value: number): Uint8Array => littleEndian(value, 4);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function join(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function ascending<T>(items: T[], order: (a: T, b: T) => number): boolean {
  return items.every((item, i) => i === 0 || order(items[i - 1]!, item) < 0);
}

/** Decodes the one encoding of a bundle. */
export function decodeBundle(bytes: Uint8Array): Bundle {
  if (bytes.length > MAX_BUNDLE_BYTES) throw new Refused("encoding", "bundle too long");
  const bundle = whole(bytes, (reader) => ({
    proofs: reader.list(MAX_PROOFS, () => ({
      circuit: reader.text(MAX_NAME),
      inputs: reader.list(MAX_INPUTS, () => readScalar(reader)),
      commitment: readCommitment(reader),
      auxiliary: reader.list(MAX_AUXILIARY, () => readG1(reader)),
      proof: readProof(reader),
    })),
    evaluations: reader.list(MAX_COLUMNS, () => ({ column: reader.u32(), value: readScalar(reader) })),
    auxiliary: reader.list(MAX_PROOFS * MAX_AUXILIARY, () => readScalar(reader)),
    opening: readG1OrZero(reader),
  }));
  if (!ascending(bundle.evaluations, (a, b) => a.column - b.column)) {
    throw new Refused("encoding", "columns out of order");
  }
  return bundle;
}

function circuitOf(claims: BlockClaims): string {
  const impossible = (what: string): Refused => new Refused("claim", what);
  const { blockRows, rows, k, quasiIdentifiers, commitments } = claims;
  if (blockRows !== BLOCK_ROWS && blockRows !== SMALL_BLOCK_ROWS) throw impossible("no such block size");
  if (commitments.length > MAX_COLUMNS) throw impossible("too many columns");
  if (k < 1 || k >= 1 << 16) throw impossible("k must be between 1 and 65,535");
  if (rows > blockRows) throw impossible("more rows than the block holds");
  if (rows < k) throw impossible("fewer rows than k");
  if (rows !== blockRows && blockRows - rows < k) throw impossible("padding shorter than k");
  if (quasiIdentifiers.length === 0) throw impossible("no quasi-identifier");
  if (!ascending(quasiIdentifiers, (a, b) => a - b)) throw impossible("quasi-identifiers out of order");
  if (quasiIdentifiers.some((column) => column >= commitments.length)) throw impossible("no such column");
  return `k-anonymity/1/${blockRows}`;
}

const place = (context: BundleContext): Uint8Array[] => [
  context.package,
  context.institution,
  u32(context.table),
  u32(context.block),
];

/** Verifies the bundle of a row block; throws `Refused` for the first check that fails. */
export function verifyBundle(
  keys: Keys,
  context: BundleContext,
  claims: BlockClaims,
  bytes: Uint8Array,
): void {
  const bundle = decodeBundle(bytes);
  const circuit = circuitOf(claims);
  const known = [`k-anonymity/1/${BLOCK_ROWS}`, `k-anonymity/1/${SMALL_BLOCK_ROWS}`];
  for (const proof of bundle.proofs) {
    if (!known.includes(proof.circuit)) throw new Refused("unknown-circuit", proof.circuit);
  }
  const [entry] = bundle.proofs;
  if (bundle.proofs.length !== 1 || entry === undefined || entry.circuit !== circuit || entry.auxiliary.length > 0) {
    throw new Refused("proofs", "not the expected list of proofs");
  }
  if (entry.inputs.length !== 1 || entry.inputs[0] !== BigInt(claims.k)) {
    throw new Refused("inputs", "the public inputs are not those of the claim");
  }
  const opened = bundle.evaluations.map((evaluation) => evaluation.column);
  if (bundle.auxiliary.length > 0 || opened.length !== claims.quasiIdentifiers.length || opened.some((c, i) => c !== claims.quasiIdentifiers[i])) {
    throw new Refused("columns", "not the expected list of opened columns");
  }
  const key = keys.circuits.get(circuit);
  if (key === undefined) throw new Refused("unknown-circuit", circuit);

  // ρ and the padding's value t depend on every commitment; ζ on all that and on D.
  const rho = hashToScalar("galen/columns/1", [
    ...place(context),
    u32(claims.blockRows),
    u32(claims.rows),
    ...claims.commitments.map(g1Bytes),
  ]);
  const padding = hashToScalar("galen/padding/1", [scalarBytes(rho), text("pad")]);
  const zeta = hashToScalar("galen/challenge/1", [
    ...place(context),
    scalarBytes(rho),
    text(entry.circuit),
    key.hash,
    join(entry.inputs.map(scalarBytes)),
    ...commitmentBytes(entry.commitment),
    join(entry.auxiliary.map(g1Bytes)),
  ]);
  verifyOpening(
    keys.tau,
    zeta,
    bundle.evaluations.map(({ column, value }) => [claims.commitments[column]!, value]),
    bundle.opening,
  );
  // Y = (1 − ζ)·Σ ρ^{c+1}·y_c + t·(ζ^n − ζ^N)
  const combined = bundle.evaluations.reduce(
    (total, { column, value }) => Fr.add(total, Fr.mul(Fr.pow(rho, BigInt(column + 1)), value)),
    0n,
  );
  const power = (exponent: number): Scalar => Fr.pow(zeta, BigInt(exponent));
  const y = Fr.add(
    Fr.mul(Fr.sub(1n, zeta), combined),
    Fr.mul(padding, Fr.sub(power(claims.rows), power(claims.blockRows))),
  );
  verifyCommitted(key, [BigInt(claims.k), zeta, y], entry.commitment, entry.proof);
}
