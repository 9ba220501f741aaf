/** Opens a package piece by piece: every segment is compared with its leaf, decrypted, and written out. */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { concat, littleEndian } from "../verifier/src/bytes.js";
import { scalarBytes } from "../verifier/src/field.js";
import type { Scalar } from "../verifier/src/field.js";
import { Fault } from "./fault.js";
import { NONCE_BYTES, same } from "./package.js";
import type { Package } from "./package.js";
import { keyCommitment, segmentKey } from "./poseidon.js";
import { fieldsOf, header, isFormula, line, readWords } from "./table.js";
import type { Meaning } from "./table.js";

/** Most bytes that are asked for at once, unless one segment is longer. */
const REQUEST_BYTES = 1 << 20;
/** Letters that become bytes at a time, unless one line is longer. */
const LETTERS_AT_ONCE = 1 << 16;

type Resource = Package["manifest"]["resources"][number];

/** Fetches bytes `start..end` of the encrypted segments. */
export type Fetch = (start: number, end: number) => Promise<Uint8Array>;

/** A file that was opened. */
export interface Opened {
  path: string;
  bytes: number;
  pieces: Uint8Array<ArrayBuffer>[];
  /** Whether the manifest has a hash that it could be compared with. */
  hashed: boolean;
  /** Columns with texts that a spreadsheet would compute. */
  formulas: string[];
}

/** Gathers the bytes of a file and their hash, and no more of them than are declared. */
class Sink {
  readonly #hash = sha256.create();
  readonly #resource: Resource;
  readonly pieces: Uint8Array<ArrayBuffer>[] = [];
  bytes = 0;

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  /** Refuses a file that becomes longer: a word of a dictionary may stand in every row, and fill the memory. */
  expect(bytes: number): void {
    if (!(this.bytes + bytes <= this.#resource.bytes)) throw new Fault("file", { path: this.#resource.path });
  }

  put(bytes: Uint8Array): void {
    this.expect(bytes.length);
    this.#hash.update(bytes);
    this.pieces.push(bytes.slice());
    this.bytes += bytes.length;
  }

  digest(): string {
    return `sha256:${bytesToHex(this.#hash.digest())}`;
  }
}

/** Opens everything; `step` hears of every segment that was checked and decrypted. */
export async function openPackage(of: Package, key: Scalar, fetch: Fetch, step: () => void): Promise<Opened[]> {
  if (keyCommitment(key) !== of.key) {
    throw new Fault("key");
  }
  const { layout, manifest, segments } = of;
  const total = littleEndian(segments.length, 8);
  let held = { first: 0, bytes: new Uint8Array(), end: 0 };

  /** A segment, as its leaf says, decrypted. They are asked for in order, so that many come at once. */
  async function plaintext(segment: number): Promise<Uint8Array> {
    const place = segments[segment]!;
    if (place.start < held.first || place.end > held.end) {
      let last = segment;
      while (segments[last + 1] !== undefined && segments[last + 1]!.end - place.start <= REQUEST_BYTES) last += 1;
      const end = segments[last]!.end;
      const bytes = await fetch(place.start, end);
      if (bytes.length !== end - place.start) throw new Fault("cutOff");
      held = { first: place.start, bytes: bytes as Uint8Array<ArrayBuffer>, end };
    }
    const sealed = held.bytes.subarray(place.start - held.first, place.end - held.first);
    if (!same(blake3(sealed), place.hash)) {
      throw new Fault("segment", { segment });
    }
    const about = concat(new TextEncoder().encode("galen/segment/v1"), littleEndian(segment, 8), total);
    const cipher = chacha20poly1305(scalarBytes(segmentKey(key, segment)), sealed.subarray(0, NONCE_BYTES), about);
    let opened: Uint8Array;
    try {
      opened = cipher.decrypt(sealed.subarray(NONCE_BYTES));
    } catch {
      throw new Fault("undecryptable", { segment });
    }
    step();
    return opened;
  }

  // Dictionaries stand behind the tables that need them; their segments are the only ones out of order.
  const words: string[][] = [];
  for (const dictionary of layout.dictionaries) {
    if ("entries" in dictionary) words.push(dictionary.entries);
    else {
      const all: string[] = [];
      for (const [i, entries] of dictionary.parts.entries()) {
        const segment = Number(dictionary.first) + i;
        for (const word of readWords(segment, await plaintext(segment), entries)) all.push(word);
      }
      words.push(all);
    }
  }
  const opened: Opened[] = [];
  const end = (resource: Resource, sink: Sink, formulas: string[]): void => {
    const hashed = resource.hash !== undefined;
    if (resource.bytes !== sink.bytes || (hashed && sink.digest() !== resource.hash)) {
      throw new Fault("file", { path: resource.path });
    }
    opened.push({ path: resource.path, bytes: sink.bytes, pieces: sink.pieces, hashed, formulas });
  };
  const encoder = new TextEncoder();
  for (const [t, table] of layout.tables.entries()) {
    const resource = manifest.resources[t]!;
    const meanings = table.columns.map((column, i): Meaning => {
      const { values } = column;
      const described = resource.schema?.fields[i];
      if (described?.name !== column.name) throw new Fault("columns");
      return { column, style: described.decimalStyle, words: values.kind === "code" ? (words[values.dictionary] ?? []) : [] };
    });
    const sink = new Sink(resource);
    sink.put(encoder.encode(header(table.columns)));
    let segment = Number(table.first);
    for (const rows of table.active) {
      const fields: ((row: number) => string)[] = [];
      for (const meaning of meanings) {
        fields.push(fieldsOf(meaning, segment, await plaintext(segment)));
        segment += 1;
      }
      let text = "";
      for (let row = 0; row < rows; row += 1) {
        const texts = fields.map((at) => at(row));
        // A letter has at least one byte: a line that is too long is not even made.
        sink.expect(texts.reduce((sum, one) => sum + one.length, text.length));
        text += line(texts);
        if (text.length >= LETTERS_AT_ONCE || row + 1 === rows) {
          sink.put(encoder.encode(text));
          text = "";
        }
      }
    }
    const computed = ({ column, words }: Meaning): boolean => isFormula(column.name) || words.some(isFormula);
    const formulas = meanings.filter(computed).map(({ column }) => column.name);
    end(resource, sink, formulas);
  }
  for (const [f, file] of layout.files.entries()) {
    const resource = manifest.resources[layout.tables.length + f]!;
    if (resource.path !== file.name) throw new Fault("files");
    const sink = new Sink(resource);
    for (let segment = Number(file.first); sink.bytes < Number(file.bytes); segment += 1) sink.put(await plaintext(segment));
    end(resource, sink, []);
  }
  return opened;
}
