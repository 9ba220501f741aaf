/**
 * The proofs about one row block: one challenge drawn from everything that was committed to and from
 * the place that the bundle is for, and every column opened once at it.
 */
import { join, littleEndian, whole } from "./bytes.js";
import { MAX_COLUMNS, MAX_PROOFS, TABLE_CIRCUITS, ascending, expected, opened } from "./claims.js";
import type { BlockClaims } from "./claims.js";
import { hashToScalar, readScalar, scalarBytes } from "./field.js";
import type { Scalar } from "./field.js";
import { committed, commitmentBytes, readCommitment, readProof } from "./groth16.js";
import type { Commitment, Proof, VerifyingKey } from "./groth16.js";
import { opening } from "./opening.js";
import type { Claimed } from "./opening.js";
import { settle } from "./pairing.js";
import type { PairingCheck } from "./pairing.js";
import { g1Bytes, readG1, readG1OrZero } from "./point.js";
import type { G1Point, G2Point } from "./point.js";
import { Refused } from "./refused.js";
import { inputs } from "./statements.js";
import type { Opened } from "./statements.js";

const MAX_BUNDLE_BYTES = 256 * 1024;
const MAX_INPUTS = 4;
const MAX_AUXILIARY = 1;
const MAX_NAME = 64;

/** The place that a bundle is for. */
export interface BundleContext {
  package: Uint8Array;
  institution: Uint8Array;
  table: number;
  block: number;
}

interface BundleProof {
  circuit: string;
  inputs: Scalar[];
  commitment: Commitment;
  auxiliary: G1Point[];
  proof: Proof;
}

/** All proofs about one row block. */
export interface Bundle {
  proofs: BundleProof[];
  evaluations: { column: number; value: Scalar }[];
  auxiliary: Scalar[];
  opening: G1Point;
}

/** Circuits, and what they are verified with. */
export interface Keys {
  tau: G2Point;
  circuits: { get(circuit: string): VerifyingKey | undefined };
}

const u32 = (value: number): Uint8Array => littleEndian(value, 4);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

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

const place = (context: BundleContext): Uint8Array[] => [
  context.package,
  context.institution,
  u32(context.table),
  u32(context.block),
];

const equal = <T>(a: T[], b: T[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** What is left to check of a bundle, and its shares of charts in the order of the claims. */
export interface Prepared {
  checks: PairingCheck[];
  shares: G1Point[];
}

/**
 * Verifies the bundle of a row block; throws `Refused` for the first check that fails. Returns the
 * commitments to the block's share of every claimed column's chart, in the order of the claims.
 */
export function verifyBundle(
  keys: Keys,
  context: BundleContext,
  claims: BlockClaims,
  bytes: Uint8Array,
): G1Point[] {
  const { checks, shares } = prepareBundle(keys, context, claims, bytes);
  settle(checks);
  return shares;
}

/** Checks everything of a bundle but the pairings, which are left to be checked with those of others. */
export function prepareBundle(
  keys: Keys,
  context: BundleContext,
  claims: BlockClaims,
  bytes: Uint8Array,
): Prepared {
  const bundle = decodeBundle(bytes);
  const statements = expected(claims);
  for (const { circuit } of bundle.proofs) {
    if (!TABLE_CIRCUITS.includes(circuit)) throw new Refused("unknown-circuit", circuit);
  }
  if (bundle.proofs.length !== statements.length) {
    throw new Refused("proofs", "another number of proofs than the claims need");
  }
  const proven = statements.map((wanted, i) => {
    const proof = bundle.proofs[i]!;
    if (proof.circuit !== wanted.circuit || proof.auxiliary.length !== wanted.auxiliary) {
      throw new Refused("proofs", "not the expected list of proofs");
    }
    if (!equal(proof.inputs, wanted.inputs)) {
      throw new Refused("inputs", "the public inputs are not those of the claim");
    }
    const key = keys.circuits.get(wanted.circuit);
    if (key === undefined) throw new Refused("unknown-circuit", wanted.circuit);
    return { proof, key, statement: wanted.statement };
  });
  const shares = proven.flatMap(({ proof }) => proof.auxiliary);
  const columns = bundle.evaluations.map((evaluation) => evaluation.column);
  if (!equal(columns, opened(claims)) || bundle.auxiliary.length !== shares.length) {
    throw new Refused("columns", "not the expected list of opened columns");
  }

  // ρ and the padding's value t depend on every commitment; ζ on all that and on every D.
  const rho = hashToScalar("galen/columns/1", [
    ...place(context),
    u32(claims.blockRows),
    u32(claims.rows),
    ...claims.commitments.map(g1Bytes),
  ]);
  const mix = { rho, padding: hashToScalar("galen/padding/1", [scalarBytes(rho), text("pad")]) };
  const zeta = hashToScalar("galen/challenge/1", [
    ...place(context),
    scalarBytes(rho),
    ...proven.flatMap(({ proof, key }) => [
      text(proof.circuit),
      key.hash,
      join(proof.inputs.map(scalarBytes)),
      ...commitmentBytes(proof.commitment),
      join(proof.auxiliary.map(g1Bytes)),
    ]),
  ]);
  const claimed: Claimed[] = [
    ...bundle.evaluations.map(({ column, value }): Claimed => [claims.commitments[column]!, value]),
    ...shares.map((share, i): Claimed => [share, bundle.auxiliary[i]!]),
  ];
  const first = opening(keys.tau, zeta, claimed, bundle.opening);
  const at: Opened = {
    zeta,
    columns: new Map(bundle.evaluations.map(({ column, value }) => [column, value])),
    shares: bundle.auxiliary,
  };
  const each = proven.flatMap(({ proof, key, statement }) =>
    committed(key, inputs(claims, mix, at, statement), proof.commitment, proof.proof),
  );
  return { checks: [first, ...each], shares };
}
