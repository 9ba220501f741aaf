/**
 * Bytes, and the part of the borsh format that keys and proofs use: little-endian integers, lists
 * preceded by a 32-bit length, one byte for an option. Every length is bounded by its reader.
 */
import { Refused } from "./refused.js";

const malformed = (what: string): Refused => new Refused("encoding", what);

/** Reads from the front; `end` refuses what is left over. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw malformed("too short");
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u32(): number {
    const part = this.take(4);
    return new DataView(part.buffer, part.byteOffset, 4).getUint32(0, true);
  }

  u64(): bigint {
    return fromLittleEndian(this.take(8));
  }

  i64(): bigint {
    return BigInt.asIntN(64, this.u64());
  }

  list<T>(most: number, item: () => T): T[] {
    const length = this.u32();
    if (length > most) throw malformed("list too long");
    const items: T[] = [];
    for (let i = 0; i < length; i += 1) items.push(item());
    return items;
  }

  option<T>(item: () => T): T | undefined {
    const flag = this.u8();
    if (flag > 1) throw malformed("neither present nor absent");
    return flag === 1 ? item() : undefined;
  }

  text(most: number): string {
    const bytes = Uint8Array.from(this.list(most, () => this.u8()));
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw malformed("not UTF-8");
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("bytes left over");
  }
}

/** Reads the whole of some bytes. */
export function whole<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

/** `0x` and lower-case hexadecimal digits. */
export function parseHex(text: string, length?: number): Uint8Array {
  if (typeof text !== "string" || !/^0x(?:[0-9a-f]{2})*$/.test(text)) {
    throw malformed("expected 0x and lower-case hexadecimal digits");
  }
  const bytes = new Uint8Array(text.length / 2 - 1);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = parseInt(text.slice(2 * i + 2, 2 * i + 4), 16);
  if (length !== undefined && bytes.length !== length) throw malformed(`expected ${length} bytes`);
  return bytes;
}

/** An integer as little-endian bytes. */
export function littleEndian(value: bigint | number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = BigInt(value);
  for (let i = 0; i < length; i += 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new RangeError("integer too large");
  return bytes;
}

/** The integer of little-endian bytes. */
export function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** One after the other. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The same for a list. */
export const join = (parts: Uint8Array[]): Uint8Array => concat(...parts);
