/**
 * Leaves of a package and their tree: SHA-256, the shape of RFC 6962, the number of leaves bound into
 * the root.
 */
import { sha256 } from "@noble/hashes/sha2.js";

import { concat, littleEndian } from "./bytes.js";
import { g1 } from "./point.js";
import type { G1Point } from "./point.js";
import { Refused } from "./refused.js";

const LEAF_BYTES = 70;
const COLUMN = 1;

const refuse = (what: string): Refused => new Refused("leaves", what);

/** The commitment in the leaf of a column's segment, whose width and rows are those of the layout. */
export function commitment(leaf: Uint8Array, width: number, rows: number): G1Point {
  const head = concat(Uint8Array.of(COLUMN, width), littleEndian(rows, 4));
  if (leaf.length !== LEAF_BYTES || head.some((byte, i) => leaf[i] !== byte)) {
    throw refuse("a leaf contradicts the layout");
  }
  return g1(leaf.subarray(38));
}

const node = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(1), left, right));

/** The root of a tree of `total` leaves that holds these ones from position `first` on. */
export function root(total: bigint, first: bigint, leaves: Uint8Array[], path: Uint8Array[]): Uint8Array {
  if (leaves.length === 0 || first + BigInt(leaves.length) > total) throw refuse("no such leaves");
  let level = leaves.map((leaf) => sha256(concat(Uint8Array.of(0), leaf)));
  let [from, size] = [first, total];
  const beside = [...path];
  const next = (): Uint8Array => {
    const found = beside.shift();
    if (found === undefined) throw refuse("the path is too short");
    return found;
  };
  while (size > 1n) {
    if (from % 2n === 1n) {
      level.unshift(next());
      from -= 1n;
    }
    const last = from + BigInt(level.length) - 1n;
    if (last % 2n === 0n && last + 1n < size) level.push(next());
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1];
      above.push(right === undefined ? level[i]! : node(level[i]!, right));
    }
    level = above;
    from /= 2n;
    size = (size + 1n) / 2n;
  }
  if (beside.length > 0) throw refuse("the path is too long");
  return sha256(concat(Uint8Array.of(2), littleEndian(total, 8), level[0]!));
}
