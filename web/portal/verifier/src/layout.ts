/**
 * The layout of a package: which segment holds which cells. It is part of the package's id; rows,
 * columns, roles, bounds and bins of every claim come from here and from nowhere else.
 */
import { whole } from "./bytes.js";
import type { Reader } from "./bytes.js";
import { BLOCK_ROWS, SMALL_BLOCK_ROWS } from "./claims.js";
import { Refused } from "./refused.js";

const MAX_BYTES = 128 * 1024;
const MAX_NAME = 256;
const MAX_TABLES = 64;
const MAX_COLUMNS = 256;
const MAX_BLOCKS = 16_384;
const MAX_OTHERS = 4_096;
const MAX_EDGES = 31;
/** Most bytes of plaintext in a segment. */
export const FILE_SEGMENT = 256n * 1024n;

/** What the cells of a column stand for: numbers or days from an offset, or codes of a dictionary. */
export type Values =
  | { kind: "number" | "date"; scale: number; offset: bigint; low: bigint; high: bigint }
  | { kind: "code"; dictionary: number; entries: bigint };

export interface LayoutColumn {
  name: string;
  /** Bytes of a cell. */
  width: number;
  quasiIdentifier: boolean;
  sensitive: boolean;
  values: Values;
  /** Where the second and later bins begin: values, or codes. */
  edges: bigint[];
}

export interface LayoutTable {
  name: string;
  /** Its first segment. */
  first: bigint;
  columns: LayoutColumn[];
  /** Active rows of every row block. */
  active: number[];
}

/** The words of coded columns: entries that anybody may read, or segments of so many entries each. */
export type LayoutDictionary = { entries: string[] } | { first: bigint; parts: number[] };

export interface LayoutFile {
  name: string;
  first: bigint;
  bytes: bigint;
}

export interface Layout {
  blockRows: number;
  tables: LayoutTable[];
  dictionaries: LayoutDictionary[];
  files: LayoutFile[];
  segments: bigint;
}

const refuse = (what: string): Refused => new Refused("layout", what);

type RawValues = Exclude<Values, { kind: "code" }> | { kind: "code"; dictionary: number };

function readValues(reader: Reader): RawValues {
  const kind = reader.u8();
  if (kind > 2) throw refuse("no such kind of values");
  if (kind === 2) return { kind: "code", dictionary: reader.u32() };
  // Digits after the point: they say how a value is written, not which cells are allowed.
  const scale = kind === 0 ? reader.u8() : 0;
  const [offset, low, high] = [reader.i64(), reader.i64(), reader.i64()];
  if (offset > low || low > high) throw refuse("impossible bounds");
  return { kind: kind === 0 ? "number" : "date", scale, offset, low, high };
}

function readColumn(reader: Reader): Omit<LayoutColumn, "values"> & { values: RawValues } {
  const name = reader.text(MAX_NAME);
  const width = [1, 2, 4, 8][reader.u8()];
  const role = reader.u8();
  if (width === undefined || role > 2) throw refuse("no such width or role");
  const values = readValues(reader);
  const edges = reader.list(MAX_EDGES, () => reader.i64());
  return { name, width, quasiIdentifier: role === 0, sensitive: role === 1, values, edges };
}

function readDictionary(reader: Reader): LayoutDictionary {
  const kind = reader.u8();
  if (kind > 1) throw refuse("no such kind of dictionary");
  if (kind === 0) return { entries: reader.list(MAX_BYTES, () => reader.text(MAX_BYTES)) };
  return { first: reader.u64(), parts: reader.list(MAX_BYTES, () => reader.u32()) };
}

const entriesOf = (dictionary: LayoutDictionary): bigint =>
  "entries" in dictionary
    ? BigInt(dictionary.entries.length)
    : dictionary.parts.reduce((sum, part) => sum + BigInt(part), 0n);

function readFile(reader: Reader): LayoutFile {
  const file = { name: reader.text(MAX_NAME), first: reader.u64(), bytes: reader.u64() };
  if (file.bytes === 0n) throw refuse("an empty file");
  return file;
}

/** Reads the canonical bytes of a layout. Its segments follow each other without a gap. */
export function readLayout(bytes: Uint8Array): Layout {
  if (bytes.length > MAX_BYTES) throw refuse("layout too long");
  const raw = whole(bytes, (reader) => ({
    size: reader.u8(),
    tables: reader.list(MAX_TABLES, () => ({
      name: reader.text(MAX_NAME),
      first: reader.u64(),
      columns: reader.list(MAX_COLUMNS, () => readColumn(reader)),
      active: reader.list(MAX_BLOCKS, () => reader.u32()),
    })),
    dictionaries: reader.list(MAX_OTHERS, () => readDictionary(reader)),
    files: reader.list(MAX_OTHERS, () => readFile(reader)),
  }));
  const blockRows = [BLOCK_ROWS, SMALL_BLOCK_ROWS][raw.size];
  if (blockRows === undefined) throw refuse("no such block size");
  let next = 0n;
  const follows = (first: bigint, segments: bigint): void => {
    if (first !== next) throw refuse("segments overlap or leave a gap");
    next += segments;
  };
  const tables = raw.tables.map(({ columns, active, first, name }): LayoutTable => {
    if (columns.length === 0 || active.length === 0) throw refuse("a table without columns or rows");
    if (active.some((rows) => rows === 0 || rows > blockRows)) throw refuse("a block states impossible rows");
    follows(first, BigInt(columns.length) * BigInt(active.length));
    const meant = columns.map((column): LayoutColumn => {
      const { values } = column;
      if (values.kind !== "code") return { ...column, values };
      const dictionary = raw.dictionaries[values.dictionary];
      if (dictionary === undefined) throw refuse("no such dictionary");
      return { ...column, values: { ...values, entries: entriesOf(dictionary) } };
    });
    return { name, first, columns: meant, active };
  });
  for (const dictionary of raw.dictionaries) {
    if ("first" in dictionary) follows(dictionary.first, BigInt(dictionary.parts.length));
  }
  for (const file of raw.files) follows(file.first, (file.bytes + FILE_SEGMENT - 1n) / FILE_SEGMENT);
  return { blockRows, tables, dictionaries: raw.dictionaries, files: raw.files, segments: next };
}

/** The first cell of every bin of a column, and the first beyond the greatest. */
export function cellEdges({ values, edges }: LayoutColumn): bigint[] {
  if (values.kind === "code") {
    if (values.entries === 0n) throw refuse("a dictionary without entries");
    return [1n, ...edges.map((code) => code + 1n), values.entries + 1n];
  }
  const { offset, low, high } = values;
  if (edges.some((edge) => edge < low || edge > high)) throw refuse("an edge outside the bounds");
  return [low, ...edges, high + 1n].map((value) => value - offset + 1n);
}
