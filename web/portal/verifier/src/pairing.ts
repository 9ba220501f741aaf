/**
 * Products of pairings that must be one, and many of them checked at once: each is raised to a power that
 * nobody could foresee, terms with the same point of the second group are added up, and one product is
 * left. If one of the products is not one, theirs is not either, but with a chance of 1 in 2^128; and
 * then each is looked at by itself, so that the refusal names the first that fails.
 */
import { fromLittleEndian } from "./bytes.js";
import { Fr } from "./field.js";
import type { Scalar } from "./field.js";
import { pairingHolds, sum } from "./point.js";
import type { G1Point, G2Point } from "./point.js";
import { Refused } from "./refused.js";
import type { Reason } from "./refused.js";

/** A sum of points of the first group, each with a factor. */
export type Sum = [G1Point, Scalar][];

/** That `Π e(sum, point) = 1`, and what it means if it does not hold. */
export interface PairingCheck {
  pairs: [sum: Sum, point: G2Point][];
  reason: Reason;
  message: string;
}

const FACTOR_BYTES = 16;
/** So many are checked at once; what the browser draws at random has a limit. */
const MOST = 2048;

const holds = (pairs: [Sum, G2Point][]): boolean => pairingHolds(pairs.map(([terms, b]) => [sum(terms), b]));

function settlePart(checks: PairingCheck[]): void {
  const seed = crypto.getRandomValues(new Uint8Array(FACTOR_BYTES * checks.length));
  const all = new Map<G2Point, Map<G1Point, Scalar>>();
  checks.forEach(({ pairs }, i) => {
    const factor = fromLittleEndian(seed.subarray(FACTOR_BYTES * i, FACTOR_BYTES * (i + 1)));
    for (const [terms, b] of pairs) {
      const factors = all.get(b) ?? new Map<G1Point, Scalar>();
      for (const [a, own] of terms) {
        factors.set(a, Fr.add(factors.get(a) ?? 0n, own === 1n ? factor : Fr.mul(factor, own)));
      }
      all.set(b, factors);
    }
  });
  if (holds([...all].map(([b, factors]): [Sum, G2Point] => [[...factors], b]))) return;
  const failed = checks.find(({ pairs }) => !holds(pairs));
  if (failed !== undefined) throw new Refused(failed.reason, failed.message);
}

/** Checks that all products are one; throws `Refused` for the first that is not. */
export function settle(checks: PairingCheck[]): void {
  for (let i = 0; i < checks.length; i += MOST) settlePart(checks.slice(i, i + MOST));
}
