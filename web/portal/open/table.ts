/** Decrypted columns as lines of CSV: the very bytes that were packed. */
import type { LayoutColumn } from "../verifier/src/layout.js";
import { Fault } from "./fault.js";
import type { DecimalStyle } from "./package.js";

type Cell = number | bigint;

/** How the cells of a column are read. */
export interface Meaning {
  column: LayoutColumn;
  style: DecimalStyle | undefined;
  words: string[];
}

const before = (a: Uint8Array, b: Uint8Array): boolean => {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length < b.length : at < b.length && a[at]! < b[at]!;
};

/** The words of a segment of a dictionary: each its length and its bytes, strictly ascending. */
export function readWords(segment: number, bytes: Uint8Array, entries: number): string[] {
  const wrong = (): Error => new Fault("dictionary", { segment });
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const words: string[] = [];
  let last: Uint8Array | undefined;
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
    const word = bytes.subarray(at + 2, at + 2 + length);
    if (at + 2 > bytes.length || word.length !== length) throw wrong();
    if (last !== undefined && !before(last, word)) throw wrong();
    try {
      words.push(decoder.decode(word));
    } catch {
      throw wrong();
    }
    last = word;
    at += 2 + length;
  }
  if (words.length !== entries) throw wrong();
  return words;
}

/** The cells of a column, unsigned and little-endian. */
function cells(bytes: Uint8Array, width: number): (row: number) => Cell {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 1) return (row) => view.getUint8(row);
  if (width === 2) return (row) => view.getUint16(2 * row, true);
  if (width === 4) return (row) => view.getUint32(4 * row, true);
  return (row) => view.getBigUint64(8 * row, true);
}

const DAY_MS = 86_400_000;

function date(days: bigint): string | undefined {
  const text = new Date(Number(days) * DAY_MS);
  const year = text.getUTCFullYear();
  if (Number.isNaN(year) || year < 1 || year > 9999) return undefined;
  return text.toISOString().slice(0, 10);
}

/** A whole number of 10^-scale, as the column writes it. */
export function decimal(value: bigint, scale: number, style: DecimalStyle): string {
  const sign = value < 0n ? "-" : "";
  const padded = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const whole = padded.slice(0, -scale);
  let digits = padded.slice(-scale);
  if (style !== "fixed") {
    digits = digits.replace(/0+$/, "");
    if (digits === "" && style === "pointed") digits = "0";
  }
  if (digits === "") return sign + whole;
  return `${sign}${style === "bare" && whole === "0" ? "" : whole}.${digits}`;
}

function meant({ column: { values }, style, words }: Meaning, cell: Cell): string | undefined {
  if (cell === 0 || cell === 0n) return "";
  if (values.kind === "code") return words[Number(cell) - 1];
  const value = BigInt(cell) - 1n + values.offset;
  if (value < values.low || value > values.high) return undefined;
  if (values.kind === "date") return date(value);
  if (values.scale === 0) return value.toString();
  return style === undefined ? undefined : decimal(value, values.scale, style);
}

const field = (text: string): string => (/[,"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A line of CSV. An empty field that is alone is quoted, for a blank line would be no row. */
export const line = (fields: string[]): string =>
  (fields.length === 1 && fields[0] === "" ? '""' : fields.join(",")) + "\n";

/** The line of a table's column names. */
export const header = (columns: LayoutColumn[]): string => line(columns.map(({ name }) => field(name)));

/** The fields of a column, each text made once. Cells keep no quotes of their own: they are ready for a line. */
export function fieldsOf(meaning: Meaning, segment: number, bytes: Uint8Array): (row: number) => string {
  const at = cells(bytes, meaning.column.width);
  const known = new Map<Cell, string>();
  return (row) => {
    const cell = at(row);
    let text = known.get(cell);
    if (text === undefined) {
      const found = meant(meaning, cell);
      if (found === undefined) throw new Fault("cell", { segment, row: row + 1, column: meaning.column.name });
      text = field(found);
      known.set(cell, text);
    }
    return text;
  };
}

/** Whether a spreadsheet would compute a text (`=…`); a plain number is no formula. */
export const isFormula = (text: string): boolean =>
  /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text) && !/^-?(?:\d+\.?\d*|\.\d+)$/.test(text);
