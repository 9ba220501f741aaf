/**
 * JSON from strangers. Whole numbers of 16 digits and more, which JavaScript would round, are read as
 * decimal texts, and whoever reads a whole number takes both.
 */
import { Refused } from "./refused.js";

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** Reads JSON; `what` names it in the refusal. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text.replace(TOKEN, (token) => (token.startsWith('"') ? token : `"${token}"`))) as unknown;
  } catch {
    throw new Refused("encoding", `${what} is not JSON`);
  }
}

const wrong = (at: string, expected: string): Refused => new Refused("encoding", `${at}: expected ${expected}`);

/** The fields of an object. */
export function fields(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(at, "an object");
  return value as Record<string, unknown>;
}

/** The items of a list of bounded length. */
export function items(value: unknown, most: number, at: string): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw wrong(at, `a list of at most ${most}`);
  return value;
}

/** A text. */
export function text(value: unknown, at: string): string {
  if (typeof value !== "string") throw wrong(at, "a text");
  return value;
}

function below(number: bigint, bits: number, at: string): bigint {
  if (number < 0n || number >= 1n << BigInt(bits)) throw wrong(at, `a whole number of ${bits} bits`);
  return number;
}

/** A whole number below two to the `bits`, that JSON writes as a number. */
export function whole(value: unknown, bits: number, at: string): bigint {
  const plain = typeof value === "number" && Number.isSafeInteger(value);
  const long = typeof value === "string" && /^[1-9]\d{15,38}$/.test(value);
  return below(plain || long ? BigInt(value) : -1n, bits, at);
}

/** A whole number below two to the `bits`, that JSON writes as a decimal text. */
export function decimal(value: unknown, bits: number, at: string): bigint {
  const given = text(value, at);
  return below(/^(?:0|[1-9]\d{0,38})$/.test(given) ? BigInt(given) : -1n, bits, at);
}

/** Bytes as lower-case hexadecimal digits, without a prefix. */
export function digits(value: unknown, length: number | undefined, at: string): Uint8Array {
  const given = text(value, at);
  const fits = length === undefined ? given.length % 2 === 0 : given.length === 2 * length;
  if (!fits || !/^[0-9a-f]*$/.test(given)) {
    throw wrong(at, `${length === undefined ? "" : `${2 * length} `}lower-case hexadecimal digits`);
  }
  const bytes = new Uint8Array(given.length / 2);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = parseInt(given.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** The digits of bytes. */
export const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
