/**
 * Groth16 (https://eprint.iacr.org/2016/260) over BN254, and its extension by one commitment to
 * inputs that the verifier does not see (https://eprint.iacr.org/2022/1072).
 */
import { whole } from "./bytes.js";
import type { Reader } from "./bytes.js";
import { hashParts } from "./field.js";
import type { Scalar } from "./field.js";
import { G2, g1Bytes, pairingHolds, readG1, readG2, sum } from "./point.js";
import type { G1Point, G2Point } from "./point.js";
import { Refused } from "./refused.js";

/** Most bases of a key: the constant and its public inputs. */
const MAX_BASES = 1024;

/** A verifying key that passed every check. */
export interface VerifyingKey {
  alpha: G1Point;
  beta: G2Point;
  gamma: G2Point;
  delta: G2Point;
  /** Bases of the constant one and of the public inputs; those of committed inputs are left out. */
  bases: G1Point[];
  /** Base of proofs of knowledge, if the circuit has committed inputs. */
  sigma: G2Point | undefined;
  hash: Uint8Array;
}

/** A proof: three points, 128 bytes. */
export interface Proof {
  a: G1Point;
  b: G2Point;
  c: G1Point;
}

/** What stands in for the committed inputs, and the proof that it is made of their bases. */
export interface Commitment {
  values: G1Point;
  knowledge: G1Point;
}

function decode(bytes: Uint8Array): VerifyingKey {
  try {
    return whole(bytes, (reader) => ({
      alpha: readG1(reader),
      beta: readG2(reader),
      gamma: readG2(reader),
      delta: readG2(reader),
      bases: reader.list(MAX_BASES, () => readG1(reader)),
      sigma: reader.option(() => readG2(reader)),
      hash: hashParts("galen/verifying-key/1", [bytes]),
    }));
  } catch (error) {
    throw error instanceof Refused ? new Refused("key", error.message) : error;
  }
}

/** Reads and checks a verifying key; everything wrong with it is refused as `key`. */
export function verifyingKey(bytes: Uint8Array): VerifyingKey {
  const key = decode(bytes);
  if (key.bases.length === 0) throw new Refused("key", "no base of the constant");
  if (key.gamma.equals(key.delta)) throw new Refused("key", "gamma equals delta");
  if (key.sigma?.equals(G2.BASE)) throw new Refused("key", "the base of proofs of knowledge is trivial");
  return key;
}

export const readProof = (reader: Reader): Proof => ({
  a: readG1(reader),
  b: readG2(reader),
  c: readG1(reader),
});

export const readCommitment = (reader: Reader): Commitment => ({
  values: readG1(reader),
  knowledge: readG1(reader),
});

/** The bytes of a commitment: what a challenge depends on. */
export const commitmentBytes = (commitment: Commitment): Uint8Array[] => [
  g1Bytes(commitment.values),
  g1Bytes(commitment.knowledge),
];

function check(key: VerifyingKey, inputs: Scalar[], proof: Proof, committed: G1Point | undefined): void {
  if (inputs.length + 1 !== key.bases.length) {
    throw new Refused("inputs", `${inputs.length} inputs for a key of ${key.bases.length - 1}`);
  }
  let prepared = sum(key.bases.map((base, i) => [base, i === 0 ? 1n : inputs[i - 1]!]));
  if (committed !== undefined) prepared = prepared.add(committed);
  const holds = pairingHolds([
    [proof.a.negate(), proof.b],
    [key.alpha, key.beta],
    [prepared, key.gamma],
    [proof.c, key.delta],
  ]);
  if (!holds) throw new Refused("invalid", "the proof does not hold");
}

/** Verifies a proof of a circuit without committed inputs. */
export function verify(key: VerifyingKey, inputs: Scalar[], proof: Proof): void {
  if (key.sigma !== undefined) throw new Refused("inputs", "the circuit has committed inputs");
  check(key, inputs, proof, undefined);
}

/** Verifies a proof whose committed inputs are represented by a commitment. */
export function verifyCommitted(
  key: VerifyingKey,
  inputs: Scalar[],
  commitment: Commitment,
  proof: Proof,
): void {
  if (key.sigma === undefined) throw new Refused("inputs", "the circuit has no committed inputs");
  const known = pairingHolds([
    [commitment.values, key.sigma],
    [commitment.knowledge.negate(), G2.BASE],
  ]);
  if (!known) throw new Refused("knowledge", "the commitment has no valid proof of knowledge");
  check(key, inputs, proof, commitment.values);
}
