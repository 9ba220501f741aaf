/**
 * From the JSON in which a node shows a value of the ledger to the value's canonical bytes: what is
 * hashed, signed and proven. So what is shown is compared with what is proven byte by byte, and nothing
 * that is shown can be beside it: a field that the type does not have is refused.
 *
 * The bytes are borsh: little-endian numbers, 32-bit lengths, a byte for which variant of a choice.
 */
import { concat, join, littleEndian, parseHex } from "./bytes.js";
import { decimal as decimalText, digits, fields, items, text as plainText, whole } from "./json.js";
import { Refused } from "./refused.js";

/** The bytes of a value; `at` says where it stands, for refusals. */
export type Encoder = (value: unknown, at: string) => Uint8Array;

const refuse = (at: string, what: string): Refused => new Refused("encoding", `${at}: ${what}`);
const tag = (number: number): Uint8Array => Uint8Array.of(number);
const count = (number: number): Uint8Array => littleEndian(number, 4);

/** A whole number of so many bytes. */
export const uint =
  (bytes: number): Encoder =>
  (value, at) =>
    littleEndian(whole(value, 8 * bytes, at), bytes);

/** A whole number of so many bytes that JSON writes as a decimal text. */
export const decimal =
  (bytes: number): Encoder =>
  (value, at) =>
    littleEndian(decimalText(value, 8 * bytes, at), bytes);

/** Bytes that JSON writes as hexadecimal digits. */
export const hash =
  (bytes: number): Encoder =>
  (value, at) =>
    digits(value, bytes, at);

/** Bytes with a length in front. */
export const blob: Encoder = (value, at) => {
  const bytes = digits(value, undefined, at);
  return concat(count(bytes.length), bytes);
};

/** A field element or a point: `0x` and 64 digits. */
export const element: Encoder = (value, at) => parseHex(plainText(value, at), 32);

export const bool: Encoder = (value, at) => {
  if (typeof value !== "boolean") throw refuse(at, "expected true or false");
  return tag(value ? 1 : 0);
};

export const text: Encoder = (value, at) => {
  const bytes = new TextEncoder().encode(plainText(value, at));
  return concat(count(bytes.length), bytes);
};

export const list =
  (most: number, item: Encoder): Encoder =>
  (value, at) => {
    const all = items(value, most, at);
    return concat(count(all.length), join(all.map((one, i) => item(one, `${at}[${i}]`))));
  };

/** So many items, without a length in front. */
export const array =
  (length: number, item: Encoder): Encoder =>
  (value, at) => {
    const all = items(value, length, at);
    if (all.length !== length) throw refuse(at, `expected ${length} items`);
    return join(all.map((one, i) => item(one, `${at}[${i}]`)));
  };

/** Present, or null or left out. */
export const option =
  (item: Encoder): Encoder =>
  (value, at) =>
    value === undefined || value === null ? tag(0) : concat(tag(1), item(value, at));

/** What stands for a value that is left out. */
export const otherwise =
  (item: Encoder, instead: unknown): Encoder =>
  (value, at) =>
    item(value === undefined ? instead : value, at);

/** Fields in order; `besides` are fields that others read. */
export const struct =
  (members: Record<string, Encoder>, besides: string[] = []): Encoder =>
  (value, at) => {
    const given = fields(value, at);
    const strange = Object.keys(given).find((name) => !Object.hasOwn(members, name) && !besides.includes(name));
    if (strange !== undefined) throw refuse(at, `there is no field ${strange.slice(0, 40)}`);
    return join(Object.entries(members).map(([name, member]) => member(given[name], `${at}.${name}`)));
  };

const place = (names: string[], name: unknown, at: string): number => {
  const found = typeof name === "string" ? names.indexOf(name) : -1;
  if (found < 0) throw refuse(at, "no such variant");
  return found;
};

/** A choice that JSON writes as its name; the first has this number. */
export const named =
  (names: string[], first = 0): Encoder =>
  (value, at) =>
    tag(first + place(names, value, at));

/** A choice that JSON writes as its name, or as an object with its name alone and what belongs to it. */
export const choice =
  (variants: Record<string, Encoder | null>): Encoder =>
  (value, at) => {
    const names = Object.keys(variants);
    if (typeof value === "string") {
      const number = place(names, value, at);
      if (variants[value] !== null) throw refuse(at, `${value} needs more`);
      return tag(number);
    }
    const [entry, ...more] = Object.entries(fields(value, at));
    const name = entry?.[0] ?? "";
    const number = place(names, name, at);
    const member = variants[name];
    if (more.length > 0 || !member) throw refuse(at, "expected one variant");
    return concat(tag(number), member(entry![1], `${at}.${name}`));
  };

/** A choice that JSON writes as an object with its name in a field beside its own. */
export const tagged =
  (by: string, variants: Record<string, Record<string, Encoder>>): Encoder =>
  (value, at) => {
    const name = fields(value, at)[by];
    const number = place(Object.keys(variants), name, at);
    return concat(tag(number), struct(variants[name as string]!, [by])(value, at));
  };

/** A number written after a prefix in seven digits; each prefix has its offset. */
export const numbered =
  (prefixes: Record<string, number>): Encoder =>
  (value, at) => {
    const match = /^([A-Z]+):(\d{7})$/.exec(plainText(value, at));
    const offset = match === null || !Object.hasOwn(prefixes, match[1]!) ? undefined : prefixes[match[1]!];
    if (offset === undefined) throw refuse(at, `expected ${Object.keys(prefixes).join(" or ")} and seven digits`);
    return count(offset + Number(match![2]));
  };

/** A day, as in 2026-12-31: days since 1970. */
export const day: Encoder = (value, at) => {
  const given = plainText(value, at);
  const ms = /^\d{4}-\d\d-\d\d$/.test(given) ? Date.parse(`${given}T00:00:00Z`) : NaN;
  if (!(ms >= 0) || new Date(ms).toISOString().slice(0, 10) !== given) throw refuse(at, "expected a day");
  return count(ms / 86_400_000);
};
