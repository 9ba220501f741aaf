/**
 * Totals of a chart: the commitments to all blocks' shares add up to one to the totals, under the sums
 * of their blinders.
 */
import { BINS } from "./claims.js";
import { Fr, hashToScalar } from "./field.js";
import type { Scalar } from "./field.js";
import { G1, G2, g1Bytes, g2Bytes, pairingHolds, sum } from "./point.js";
import type { G1Point, G2Point } from "./point.js";
import { Refused } from "./refused.js";

/** Numbers and blinders of a summary. */
const TERMS = 4 + BINS;
const BLINDERS = 3;

/** What a chart is made of, in cells. */
export interface Summary {
  count: bigint;
  missing: bigint;
  sum: bigint;
  sumSquares: bigint;
  bins: bigint[];
}

/** Checks that the points are `[1]₁, [τ]₁, …, [τ^38]₁` for the τ of `[τ]₂`. */
export function checkPowers(powers: G1Point[], tau: G2Point): void {
  if (powers.length !== TERMS + BLINDERS || !powers[0]!.equals(G1.BASE)) {
    throw new Refused("key", "not the first powers of tau");
  }
  const lambda = hashToScalar("galen/powers/2", [g2Bytes(tau), ...powers.map(g1Bytes)]);
  const weighted = (points: G1Point[]): G1Point =>
    sum(points.map((point, i) => [point, Fr.pow(lambda, BigInt(i))]));
  const holds = pairingHolds([
    [weighted(powers.slice(1)), G2.BASE],
    [weighted(powers.slice(0, -1)).negate(), tau],
  ]);
  if (!holds) throw new Refused("key", "the powers of tau do not belong together");
}

/** Checks totals against the commitments of all blocks; the powers were checked before. */
export function verifyTotals(
  powers: G1Point[],
  shares: G1Point[],
  totals: Summary,
  blinders: Scalar[],
): void {
  const { count, missing, bins } = totals;
  const refuse = (what: string): Refused => new Refused("totals", what);
  if (bins.length !== BINS || blinders.length !== BLINDERS) throw refuse("another number of terms");
  const numbers = [count, missing, totals.sum, totals.sumSquares, ...bins];
  if (numbers.some((value) => value < 0n || value >= 1n << 128n)) throw refuse("a number out of range");
  if (bins.reduce((all, bin) => all + bin, 0n) !== count) throw refuse("the bins do not add up");
  const expected = sum([...numbers, ...blinders].map((value, i) => [powers[i]!, value]));
  const found = shares.reduce((all, share) => all.add(share), G1.ZERO);
  if (!found.equals(expected)) throw refuse("the totals are not those of the blocks");
}
