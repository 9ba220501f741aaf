/** Openings of column commitments: values of polynomials at a point, all shown by one witness. */
import { Fr, hashToScalar, scalarBytes } from "./field.js";
import type { Scalar } from "./field.js";
import { G1, G2, pairingHolds, sum } from "./point.js";
import type { G1Point, G2Point } from "./point.js";
import { Refused } from "./refused.js";

/** A commitment and the value that it is said to take. */
export type Claimed = [commitment: G1Point, value: Scalar];

/** Checks `e(Σ λ^i (C_i − y_i·G) + ζ·W, [1]₂) = e(W, [τ]₂)`, with λ drawn after ζ and every value. */
export function verifyOpening(tau: G2Point, zeta: Scalar, claims: Claimed[], witness: G1Point): void {
  const values = claims.map(([, value]) => scalarBytes(value));
  const lambda = hashToScalar("galen/opening/1", [scalarBytes(zeta), ...values]);
  const terms: [G1Point, Scalar][] = [];
  let factor = 1n;
  let constant = 0n;
  for (const [commitment, value] of claims) {
    terms.push([commitment, factor]);
    constant = Fr.add(constant, Fr.mul(factor, value));
    factor = Fr.mul(factor, lambda);
  }
  terms.push([G1.BASE, Fr.neg(constant)], [witness, zeta]);
  const holds = pairingHolds([
    [sum(terms), G2.BASE],
    [witness.negate(), tau],
  ]);
  if (!holds) throw new Refused("opening", "a column does not open to the claimed value");
}
