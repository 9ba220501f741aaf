/**
 * Points of BN254's two groups as they travel: the abscissa in little-endian bytes, and in the top
 * two bits of the last byte whether the ordinate is the larger of its two values (0x80) and whether
 * the point is neutral (0x40). One text for one point; curve and subgroup are checked.
 */
import { bn254 } from "@noble/curves/bn254.js";

import { concat, fromLittleEndian, littleEndian } from "./bytes.js";
import type { Reader } from "./bytes.js";
import { Fr } from "./field.js";
import type { Scalar } from "./field.js";
import { Refused } from "./refused.js";

const { Fp, Fp2, Fp12 } = bn254.fields;
export const G1 = bn254.G1.ProjectivePoint;
export const G2 = bn254.G2.ProjectivePoint;
export type G1Point = InstanceType<typeof G1>;
export type G2Point = InstanceType<typeof G2>;

const LARGER = 0x80;
const NEUTRAL = 0x40;
const B1 = 3n;
// 3 / (9 + u): the twist's constant.
const B2 = Fp2.div(Fp2.fromBigTuple([3n, 0n]), Fp2.fromBigTuple([9n, 1n]));

const refuse = (what: string): never => {
  throw new Refused("encoding", what);
};

function coordinate(bytes: Uint8Array): bigint {
  const value = fromLittleEndian(bytes);
  return value < Fp.ORDER ? value : refuse("a coordinate is not below the modulus");
}

function flags(bytes: Uint8Array): { x: Uint8Array; larger: boolean; neutral: boolean } {
  const last = bytes[bytes.length - 1]!;
  const x = Uint8Array.from(bytes);
  x[x.length - 1] = last & 0x3f;
  const larger = (last & LARGER) !== 0;
  const neutral = (last & NEUTRAL) !== 0;
  if (neutral && (larger || x.some((byte) => byte !== 0))) refuse("a second text of the neutral point");
  return { x, larger, neutral };
}

function root<T>(sqrt: (value: T) => T, square: T): T {
  try {
    return sqrt(square);
  } catch {
    return refuse("no point has this abscissa");
  }
}

/** A point of the first group, the neutral one included. */
export function g1OrZero(bytes: Uint8Array): G1Point {
  const { x: low, larger, neutral } = flags(bytes);
  if (neutral) return G1.ZERO;
  const x = coordinate(low);
  const y = root((square) => Fp.sqrt(square), Fp.add(Fp.mul(Fp.sqr(x), x), B1));
  const other = Fp.neg(y);
  if (Fp.is0(y)) refuse("a point of order two");
  // The first group is the whole curve.
  return G1.fromAffine({ x, y: y > other === larger ? y : other });
}

/** A point of the first group other than the neutral one. */
export function g1(bytes: Uint8Array): G1Point {
  const point = g1OrZero(bytes);
  return point.equals(G1.ZERO) ? refuse("the neutral point is not allowed here") : point;
}

/** A point of the second group other than the neutral one. */
export function g2(bytes: Uint8Array): G2Point {
  const { x: low, larger, neutral } = flags(bytes);
  if (neutral) refuse("the neutral point is not allowed here");
  const x = Fp2.fromBigTuple([coordinate(low.subarray(0, 32)), coordinate(low.subarray(32))]);
  const y = root((square) => Fp2.sqrt(square), Fp2.add(Fp2.mul(Fp2.sqr(x), x), B2));
  if (Fp2.is0(y)) refuse("a point of order two");
  const other = Fp2.neg(y);
  const isLarger = y.c1 === other.c1 ? y.c0 > other.c0 : y.c1 > other.c1;
  const point = G2.fromAffine({ x, y: isLarger === larger ? y : other });
  // Remembered for this very object, so that pairings do not look again.
  try {
    point.assertValidity();
  } catch {
    refuse("the point is outside the prime-order subgroup");
  }
  return point;
}

export const readG1 = (reader: Reader): G1Point => g1(reader.take(32));
export const readG1OrZero = (reader: Reader): G1Point => g1OrZero(reader.take(32));
export const readG2 = (reader: Reader): G2Point => g2(reader.take(64));

/** The bytes of a point of the first group. */
export function g1Bytes(point: G1Point): Uint8Array {
  if (point.equals(G1.ZERO)) {
    const zero = new Uint8Array(32);
    zero[31] = NEUTRAL;
    return zero;
  }
  const { x, y } = point.toAffine();
  const bytes = littleEndian(x, 32);
  if (y > Fp.neg(y)) bytes[31]! |= LARGER;
  return bytes;
}

/** The bytes of a point of the second group that is not neutral. */
export function g2Bytes(point: G2Point): Uint8Array {
  const { x, y } = point.toAffine();
  const other = Fp2.neg(y);
  const bytes = concat(littleEndian(x.c0, 32), littleEndian(x.c1, 32));
  if (y.c1 === other.c1 ? y.c0 > other.c0 : y.c1 > other.c1) bytes[63]! |= LARGER;
  return bytes;
}

/** From how many points on the sum is taken by buckets. */
const MANY = 6;

/** `Σ scalar·point`; a zero scalar and the neutral point contribute nothing. */
export function sum(terms: [G1Point, Scalar][]): G1Point {
  const rest = terms
    .map(([point, factor]): [G1Point, Scalar] => [point, Fr.create(factor)])
    .filter(([point, factor]) => factor !== 0n && !point.equals(G1.ZERO));
  if (rest.length >= MANY) {
    return G1.msm(
      rest.map(([point]) => point),
      rest.map(([, factor]) => factor),
    );
  }
  return rest.reduce((total, [point, factor]) => {
    return total.add(factor === 1n ? point : point.multiplyUnsafe(factor));
  }, G1.ZERO);
}

/** Whether `Π e(a, b) = 1`. A neutral point contributes one. */
export function pairingHolds(pairs: [G1Point, G2Point][]): boolean {
  const rest = pairs.filter(([a, b]) => !a.equals(G1.ZERO) && !b.equals(G2.ZERO));
  if (rest.length === 0) return true;
  const product = bn254.pairingBatch(rest.map(([a, b]) => ({ g1: a, g2: b })));
  return Fp12.eql(product, Fp12.ONE);
}
