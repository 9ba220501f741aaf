/** The scalar field of BN254: canonical bytes, arithmetic, and hashing into it. */
import { bn254 } from "@noble/curves/bn254.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { concat, fromLittleEndian, littleEndian, parseHex } from "./bytes.js";
import type { Reader } from "./bytes.js";
import { Refused } from "./refused.js";

/** Arithmetic modulo the order of BN254's groups. */
export const Fr = bn254.fields.Fr;

/** An element of the field, below the modulus. */
export type Scalar = bigint;

/** Reads 32 little-endian bytes; an integer that is not below the modulus is refused. */
export function scalar(bytes: Uint8Array): Scalar {
  const value = fromLittleEndian(bytes);
  if (bytes.length !== 32 || value >= Fr.ORDER) {
    throw new Refused("encoding", "the number is not below the field's modulus");
  }
  return value;
}

/** Reads a scalar. */
export const readScalar = (reader: Reader): Scalar => scalar(reader.take(32));

/** Reads a scalar's text: `0x` and 64 digits of its little-endian bytes. */
export const parseScalar = (text: string): Scalar => scalar(parseHex(text, 32));

/** The canonical bytes. */
export const scalarBytes = (value: Scalar): Uint8Array => littleEndian(value, 32);

/** SHA-256 of a tag and parts, each preceded by its length in eight little-endian bytes. */
export function hashParts(tag: string, parts: Uint8Array[]): Uint8Array {
  const all = [new TextEncoder().encode(tag), ...parts];
  return sha256(concat(...all.flatMap((part) => [littleEndian(part.length, 8), part])));
}

/** Hashes into the field: two digests, 512 bits, reduced. */
export function hashToScalar(tag: string, parts: Uint8Array[]): Scalar {
  const digest = hashParts(tag, parts);
  const half = (which: number): Uint8Array => sha256(concat(Uint8Array.of(which), digest));
  return fromLittleEndian(concat(half(0), half(1))) % Fr.ORDER;
}
