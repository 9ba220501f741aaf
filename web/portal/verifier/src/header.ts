/**
 * Headers, the validators that they name, and the certificates by which those decided them: the bytes
 * that are hashed and signed, and what must hold.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { concat, join, littleEndian } from "./bytes.js";
import { digits, fields, hexadecimal, items, whole } from "./json.js";
import { Refused } from "./refused.js";

const MAX_VALIDATORS = 1024;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
export const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/** What the validators sign, by its hash. */
export interface Header {
  chainId: Uint8Array;
  height: bigint;
  timeMs: bigint;
  parent: Uint8Array;
  stateRoot: Uint8Array;
  validators: Uint8Array;
  nextValidators: Uint8Array;
  /** The name of the block. */
  id: Uint8Array;
}

/** A validator: the key of its votes, and its power. */
export interface Validator {
  key: Uint8Array;
  power: bigint;
}

/** Validators of a height, in their order. */
export interface ValidatorSet {
  validators: Validator[];
  power: bigint;
  hash: Uint8Array;
  /** Power by the digits of the key. */
  powers: Map<string, bigint>;
}

/** A header with everything that its certificate is checked with. */
export interface LightBlock {
  header: Header;
  round: bigint;
  signatures: { validator: Uint8Array; signature: Uint8Array }[];
  validators: ValidatorSet;
}

function readHeader(given: unknown, at: string): Header {
  const header = fields(given, at);
  const hash = (name: string): Uint8Array => digits(header[name], 32, `${at}.${name}`);
  const number = (name: string): bigint => whole(header[name], 64, `${at}.${name}`);
  const [chainId, parent, stateRoot] = [hash("chain_id"), hash("parent"), hash("state_root")];
  const [validators, nextValidators] = [hash("validators"), hash("next_validators")];
  const [height, timeMs] = [number("height"), number("time_ms")];
  const bytes = concat(
    chainId,
    littleEndian(height, 8),
    littleEndian(timeMs, 8),
    parent,
    hash("proposer"),
    hash("transactions"),
    hash("events"),
    stateRoot,
    validators,
    nextValidators,
  );
  const id = sha256(concat(ascii("galen block 2"), bytes));
  return { chainId, height, timeMs, parent, stateRoot, validators, nextValidators, id };
}

/** The set of these validators, which must stand in its order: by power, then by key. */
export function validatorSet(validators: Validator[], at: string): ValidatorSet {
  const refuse = (what: string): Refused => new Refused("certificate", `${at}: ${what}`);
  const power = validators.reduce((sum, validator) => sum + validator.power, 0n);
  if (validators.length === 0 || validators.length > MAX_VALIDATORS) throw refuse("no usable number of validators");
  if (power * 3n >= 1n << 64n || validators.some((validator) => validator.power === 0n)) {
    throw refuse("impossible voting power");
  }
  const named = validators.map(({ key, power: own }) => [hexadecimal(key), own] as const);
  for (let i = 1; i < named.length; i += 1) {
    const [[key, own], [next, theirs]] = [named[i - 1]!, named[i]!];
    if (own < theirs || (own === theirs && key >= next)) throw refuse("validators are out of order");
  }
  const powers = new Map(named);
  if (powers.size !== named.length) throw refuse("a validator stands twice");
  const each = validators.map((validator) => concat(validator.key, littleEndian(validator.power, 8)));
  const hash = sha256(concat(ascii("galen validators 1"), littleEndian(validators.length, 4), join(each)));
  return { validators, power, hash, powers };
}

/** Reads what `headers/HEIGHT` answers. */
export function readLightBlock(given: unknown, at: string): LightBlock {
  const block = fields(given, at);
  const certificate = fields(block["certificate"], `${at}.certificate`);
  const signatures = items(certificate["signatures"], MAX_VALIDATORS, `${at}.certificate.signatures`);
  const validators = items(block["validators"], MAX_VALIDATORS, `${at}.validators`);
  return {
    header: readHeader(block["header"], `${at}.header`),
    round: whole(certificate["round"], 32, `${at}.certificate.round`),
    signatures: signatures.map((one, i) => {
      const where = `${at}.certificate.signatures[${i}]`;
      const signed = fields(one, where);
      return {
        validator: digits(signed["validator"], 32, `${where}.validator`),
        signature: digits(signed["signature"], 64, `${where}.signature`),
      };
    }),
    validators: validatorSet(
      validators.map((one, i) => {
        const where = `${at}.validators[${i}]`;
        const validator = fields(one, where);
        return { key: digits(validator["key"], 32, `${where}.key`), power: whole(validator["power"], 64, `${where}.power`) };
      }),
      at,
    ),
  };
}

function isSigned(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, key, { zip215: true });
  } catch {
    return false;
  }
}

/** Checks that validators with more than two thirds of the power of the set that the header names signed it. */
export function verifyCertificate({ header, round, signatures, validators }: LightBlock): bigint {
  const refuse = (what: string): Refused => new Refused("certificate", `block ${header.height}: ${what}`);
  if (!equal(validators.hash, header.validators)) {
    throw refuse("the validators that are shown are not those that the header names");
  }
  const seen = new Set<string>();
  let signed = 0n;
  for (const { validator, signature } of signatures) {
    const name = hexadecimal(validator);
    const power = validators.powers.get(name);
    if (power === undefined) throw refuse(`${name} is not a validator of this height`);
    if (seen.has(name)) throw refuse(`${name} is counted twice`);
    seen.add(name);
    const message = concat(
      ascii("galen consensus 1"),
      header.chainId,
      Uint8Array.of(1),
      littleEndian(header.height, 8),
      Uint8Array.of(1),
      littleEndian(round, 4),
      Uint8Array.of(1),
      header.id,
      validator,
    );
    if (!isSigned(signature, message, validator)) throw refuse(`the signature of validator ${name} is not of this block`);
    signed += power;
  }
  if (signed * 3n <= validators.power * 2n) {
    throw refuse(`${signed} of ${validators.power} stake signed, more than two thirds are needed`);
  }
  return signed;
}
