/**
 * Groth16 (https://eprint.iacr.org/2016/260) over BN254, and its extension by one commitment to
 * inputs that the verifier does not see (https://eprint.iacr.org/2022/1072).
 */
import { whole } from "./bytes.js";
import type { Reader } from "./bytes.js";
import { hashParts } from "./field.js";
import type { Scalar } from "./field.js";
import { settle } from "./pairing.js";
import type { PairingCheck } from "./pairing.js";
import { G2, g1Bytes, readG1, readG2 } from "./point.js";
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

/** The hash by which parameters and challenges name a key. */
export const keyHash = (bytes: Uint8Array): Uint8Array => hashParts("galen/verifying-key/1", [bytes]);

function decode(bytes: Uint8Array): VerifyingKey {
  try {
    return whole(bytes, (reader) => ({
      alpha: readG1(reader),
      beta: readG2(reader),
      gamma: readG2(reader),
      delta: readG2(reader),
      bases: reader.list(MAX_BASES, () => readG1(reader)),
      sigma: reader.option(() => readG2(reader)),
      hash: keyHash(bytes),
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

function equation(
  key: VerifyingKey,
  inputs: Scalar[],
  proof: Proof,
  committed: G1Point | undefined,
): PairingCheck {
  if (inputs.length + 1 !== key.bases.length) {
    throw new Refused("inputs", `${inputs.length} inputs for a key of ${key.bases.length - 1}`);
  }
  const prepared = key.bases.map((base, i): [G1Point, Scalar] => [base, i === 0 ? 1n : inputs[i - 1]!]);
  if (committed !== undefined) prepared.push([committed, 1n]);
  return {
    pairs: [
      [[[proof.a.negate(), 1n]], proof.b],
      [[[key.alpha, 1n]], key.beta],
      [prepared, key.gamma],
      [[[proof.c, 1n]], key.delta],
    ],
    reason: "invalid",
    message: "the proof does not hold",
  };
}

/** Verifies a proof of a circuit without committed inputs. */
export function verify(key: VerifyingKey, inputs: Scalar[], proof: Proof): void {
  if (key.sigma !== undefined) throw new Refused("inputs", "the circuit has committed inputs");
  settle([equation(key, inputs, proof, undefined)]);
}

/** What must hold of a proof whose committed inputs are represented by a commitment. */
export function committed(
  key: VerifyingKey,
  inputs: Scalar[],
  commitment: Commitment,
  proof: Proof,
): PairingCheck[] {
  if (key.sigma === undefined) throw new Refused("inputs", "the circuit has no committed inputs");
  const known: PairingCheck = {
    pairs: [
      [[[commitment.values, 1n]], key.sigma],
      [[[commitment.knowledge.negate(), 1n]], G2.BASE],
    ],
    reason: "knowledge",
    message: "the commitment has no valid proof of knowledge",
  };
  return [known, equation(key, inputs, proof, commitment.values)];
}
