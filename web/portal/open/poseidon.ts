/**
 * Poseidon over BN254's scalar field with circomlib's parameters, as far as keys of segments need it: two
 * and three inputs. The constants are those of the reference script's Grain generator.
 */
import { grainGenConstants, poseidon } from "@noble/curves/abstract/poseidon.js";
import type { PoseidonFn } from "@noble/curves/abstract/poseidon.js";

import { Fr } from "../verifier/src/field.js";
import type { Scalar } from "../verifier/src/field.js";

/** First inputs that keep hashes of different meaning apart. */
const KEY = 1001n;
const SEGMENT = 1002n;

/** Partial rounds by the width of the state. */
const PARTIAL_ROUNDS = { 3: 57, 4: 56 };

function permutation(t: 3 | 4): () => PoseidonFn {
  let made: PoseidonFn | undefined;
  return () => {
    const basic = { Fp: Fr, t, roundsFull: 8, roundsPartial: PARTIAL_ROUNDS[t], sboxPower: 5 };
    made ??= poseidon({ ...basic, ...grainGenConstants(basic) });
    return made;
  };
}

const [ofTwo, ofThree] = [permutation(3), permutation(4)];

/** What a listing says of its master key. */
export const keyCommitment = (key: Scalar): Scalar => ofTwo()([0n, KEY, key])[0]!;

/** The key of a segment. */
export const segmentKey = (key: Scalar, segment: number): Scalar => ofThree()([0n, SEGMENT, key, BigInt(segment)])[0]!;
