/**
 * The public parts of a package, tied to the id that the licence names: root, key commitment, layout,
 * manifest and leaves; and where each segment stands. Nothing of them is believed before.
 */
import { sha256 } from "@noble/hashes/sha2.js";

import { concat, littleEndian, parseHex } from "../verifier/src/bytes.js";
import { parseScalar, scalarBytes } from "../verifier/src/field.js";
import type { Scalar } from "../verifier/src/field.js";
import { FILE_SEGMENT, readLayout } from "../verifier/src/layout.js";
import type { Layout } from "../verifier/src/layout.js";
import { root } from "../verifier/src/tree.js";
import { Fault } from "./fault.js";

const LEAF_BYTES = 70;
/** What encryption adds: a nonce and a tag. */
export const NONCE_BYTES = 12;
const OVERHEAD_BYTES = NONCE_BYTES + 16;

export type DecimalStyle = "fixed" | "trimmed" | "bare" | "pointed";

/** What is read of a manifest. */
export interface Manifest {
  resources: {
    name: string;
    path: string;
    bytes: number;
    hash?: string;
    schema?: { fields: { name: string; type: string; decimalStyle?: DecimalStyle }[] };
  }[];
  dictionaryBytes: number[][];
}

/** The parts as they are served. */
export interface Parts {
  summary: Uint8Array;
  manifest: Uint8Array;
  layout: Uint8Array;
  leaves: Uint8Array;
}

/** A segment: where it stands, what its leaf says of its shape, and its hash. */
export interface Segment {
  start: number;
  end: number;
  /** BLAKE3 of the encrypted bytes. */
  hash: Uint8Array;
}

export interface Package {
  id: string;
  key: Scalar;
  layout: Layout;
  manifest: Manifest;
  segments: Segment[];
}

export const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));

const digest = (text: string): Uint8Array => parseHex(`0x${text}`, 32);

/** Tag, width and rows of every segment in order, and the length of its plaintext. */
function* shapes({ tables, dictionaries, files }: Layout, lengths: number[][]): Generator<[number, number, number, number]> {
  for (const { columns, active } of tables) {
    for (const rows of active) for (const { width } of columns) yield [1, width, rows, rows * width];
  }
  let secret = 0;
  for (const dictionary of dictionaries) {
    if ("entries" in dictionary) continue;
    const stated = lengths[secret] ?? [];
    if (stated.length !== dictionary.parts.length) throw new Fault("manifest");
    secret += 1;
    for (const [i, entries] of dictionary.parts.entries()) yield [2, 0, entries, stated[i]!];
  }
  for (const { bytes } of files) {
    for (let left = bytes; left > 0n; left -= FILE_SEGMENT) {
      const length = Number(left < FILE_SEGMENT ? left : FILE_SEGMENT);
      yield [3, 1, length, length];
    }
  }
}

/** Ties the parts of a package to its id. */
export function readPackage(id: string, parts: Parts): Package {
  let key: Scalar;
  let listed: Uint8Array;
  let layout: Layout;
  let manifest: Manifest;
  try {
    const summary = json(parts.summary) as { root: string; keyCommitment: string };
    [key, listed] = [parseScalar(summary.keyCommitment), digest(summary.root)];
    layout = readLayout(parts.layout);
    manifest = json(parts.manifest) as Manifest;
  } catch {
    throw new Fault("description");
  }
  const found = sha256(
    concat(
      new TextEncoder().encode("galen/package/v1"),
      listed,
      littleEndian(layout.segments, 8),
      scalarBytes(key),
      littleEndian(parts.layout.length, 8),
      parts.layout,
      sha256(parts.manifest),
    ),
  );
  if (!same(found, digest(id))) throw new Fault("package");
  const total = Number(layout.segments);
  if (parts.leaves.length !== total * LEAF_BYTES) throw new Fault("leaves");
  const leaves = Array.from({ length: total }, (_, i) => parts.leaves.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES));
  if (!same(root(layout.segments, 0n, leaves, []), listed)) throw new Fault("leaves");
  const segments: Segment[] = [];
  let start = 0;
  for (const [tag, width, rows, bytes] of shapes(layout, manifest.dictionaryBytes ?? [])) {
    const leaf = leaves[segments.length]!;
    const head = concat(Uint8Array.of(tag, width), littleEndian(rows, 4));
    const claim = tag === 1 || leaf.subarray(38).every((byte) => byte === 0);
    if (!claim || !same(leaf.subarray(0, 6), head)) throw new Fault("leaves");
    const end = start + bytes + OVERHEAD_BYTES;
    segments.push({ start, end, hash: leaf.subarray(6, 38) });
    start = end;
  }
  if (manifest.resources.length !== layout.tables.length + layout.files.length) throw new Fault("manifest");
  return { id, key, layout, manifest, segments };
}
