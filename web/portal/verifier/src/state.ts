/**
 * Keys of the ledger's state, and proofs that the state holds a value under a key or holds nothing
 * there, against the state root of a header. The tree is a Jellyfish Merkle tree over the hashes of keys.
 */
import { sha256 } from "@noble/hashes/sha2.js";

import { concat } from "./bytes.js";
import { digits, fields, items } from "./json.js";
import { Refused } from "./refused.js";

const MAX_SIBLINGS = 256;
const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 4 << 20;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const EMPTY = ascii("SPARSE_MERKLE_PLACEHOLDER_HASH__");

const bigEndian = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
};

const key =
  (space: number) =>
  (...parts: Uint8Array[]): Uint8Array =>
    concat(Uint8Array.of(space), ...parts);

/** The role of an institution in the key of its registration. */
const INSTITUTION = Uint8Array.of(1);

/** Keys of the state, by what they hold. */
export const keys = {
  institution: (account: Uint8Array): Uint8Array => key(10)(INSTITUTION, account),
  listing: (institution: Uint8Array, id: Uint8Array): Uint8Array => key(32)(institution, id),
  layout: (institution: Uint8Array, id: Uint8Array): Uint8Array => key(33)(institution, id),
  offer: (institution: Uint8Array, id: Uint8Array, version: number): Uint8Array =>
    key(34)(institution, id, bigEndian(version)),
  /** That an institution's listings take no requests. */
  stop: (institution: Uint8Array): Uint8Array => key(37)(institution),
  claims: (institution: Uint8Array, id: Uint8Array): Uint8Array => key(38)(institution, id),
  deal: key(40),
  licence: key(44),
};

/** A proof as it was read; nothing of it is checked. */
export interface StateProof {
  key: Uint8Array;
  value: Uint8Array | undefined;
  other: { keyHash: Uint8Array; valueHash: Uint8Array } | undefined;
  siblings: Uint8Array[];
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** Reads a proof from its JSON. */
export function readStateProof(given: unknown, at: string): StateProof {
  const { key: name, value, other, siblings } = fields(given, at);
  const bounded = (bytes: Uint8Array, most: number, what: string): Uint8Array => {
    if (bytes.length > most) throw new Refused("encoding", `${at}.${what}: longer than ${most} bytes`);
    return bytes;
  };
  const leaf = other === undefined || other === null ? undefined : fields(other, `${at}.other`);
  return {
    key: bounded(digits(name, undefined, `${at}.key`), MAX_KEY_BYTES, "key"),
    value:
      value === undefined || value === null
        ? undefined
        : bounded(digits(value, undefined, `${at}.value`), MAX_VALUE_BYTES, "value"),
    other: leaf && {
      keyHash: digits(leaf["key_hash"], 32, `${at}.other.key_hash`),
      valueHash: digits(leaf["value_hash"], 32, `${at}.other.value_hash`),
    },
    siblings: items(siblings, MAX_SIBLINGS, `${at}.siblings`).map((one, i) => digits(one, 32, `${at}.siblings[${i}]`)),
  };
}

const bit = (hash: Uint8Array, place: number): number => (hash[place >> 3]! >> (7 - (place & 7))) & 1;

const leafHash = (keyHash: Uint8Array, valueHash: Uint8Array): Uint8Array =>
  sha256(concat(ascii("JMT::LeafNode"), keyHash, valueHash));

/**
 * Checks a proof of this very key against a state root. Returns the value, or nothing if the state holds
 * none; `what` names it in the refusal.
 */
export function verifyState(proof: StateProof, wanted: Uint8Array, root: Uint8Array, what: string): Uint8Array | undefined {
  const refuse = (why: string): Refused => new Refused("state", `the proof of ${what} ${why}`);
  if (!equal(proof.key, wanted)) throw refuse("is of something else");
  const { value, other, siblings } = proof;
  const keyHash = sha256(wanted);
  let hash = EMPTY;
  if (value !== undefined) {
    if (other !== undefined) throw refuse("shows two leaves");
    hash = leafHash(keyHash, sha256(value));
  } else if (other !== undefined) {
    if (equal(other.keyHash, keyHash)) throw refuse("says that it is absent and shows it");
    for (let place = 0; place < siblings.length; place += 1) {
      if (bit(other.keyHash, place) !== bit(keyHash, place)) throw refuse("shows a leaf that is not in its place");
    }
    hash = leafHash(other.keyHash, other.valueHash);
  }
  siblings.forEach((sibling, i) => {
    const pair = bit(keyHash, siblings.length - 1 - i) === 1 ? [sibling, hash] : [hash, sibling];
    hash = sha256(concat(ascii("JMT::IntrnalNode"), ...pair));
  });
  if (!equal(hash, root)) throw refuse("does not lead to the state root that the validators signed");
  return value;
}

/** The value of a key that must be there. */
export function provenValue(proof: StateProof, wanted: Uint8Array, root: Uint8Array, what: string): Uint8Array {
  const value = verifyState(proof, wanted, root, what);
  if (value === undefined) throw new Refused("state", `the signed state holds no ${what}`);
  return value;
}

/** Refuses what is shown if it is not the proven value. */
export function mustBe(shown: Uint8Array, proven: Uint8Array, what: string): void {
  if (!equal(shown, proven)) throw new Refused("state", `${what} that is shown is not the one in the signed state`);
}
