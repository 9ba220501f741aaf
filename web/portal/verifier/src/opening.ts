/** Openings of column commitments: values of polynomials at a point, all shown by one witness. */
import { Fr, hashToScalar, scalarBytes } from "./field.js";
import type { Scalar } from "./field.js";
import type { PairingCheck, Sum } from "./pairing.js";
import { G1, G2 } from "./point.js";
import type { G1Point, G2Point } from "./point.js";

/** A commitment and the value that it is said to take. */
export type Claimed = [commitment: G1Point, value: Scalar];

/** That `e(Σ λ^i (C_i − y_i·G) + ζ·W, [1]₂) = e(W, [τ]₂)`, with λ drawn after ζ and every value. */
export function opening(tau: G2Point, zeta: Scalar, claims: Claimed[], witness: G1Point): PairingCheck {
  const values = claims.map(([, value]) => scalarBytes(value));
  const lambda = hashToScalar("galen/opening/1", [scalarBytes(zeta), ...values]);
  const terms: Sum = [];
  let factor = 1n;
  let constant = 0n;
  for (const [commitment, value] of claims) {
    terms.push([commitment, factor]);
    constant = Fr.add(constant, Fr.mul(factor, value));
    factor = Fr.mul(factor, lambda);
  }
  terms.push([G1.BASE, Fr.neg(constant)], [witness, zeta]);
  return {
    pairs: [
      [terms, G2.BASE],
      [[[witness.negate(), 1n]], tau],
    ],
    reason: "opening",
    message: "a column does not open to the claimed value",
  };
}
