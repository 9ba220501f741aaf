/**
 * From a genesis to a header: step by step, or over many blocks at once where enough of the validators
 * stayed the same. A step is accepted if the validators whom the header names decided it, and if they
 * are those whom the trusted header announced, or hold more than a third of its own validators' power.
 */
import { hashParts } from "./field.js";
import { equal, validatorSet, verifyCertificate } from "./header.js";
import type { LightBlock, ValidatorSet } from "./header.js";
import { decimal, digits, fields, hexadecimal, items, text, whole } from "./json.js";
import { Refused } from "./refused.js";
import { genesis as genesisBytes } from "./types.js";

/** The most blocks between a genesis and what it vouches for. */
const MAX_PATH = 256;
/** How far a header may be ahead of the clock of whoever checks it. */
const MAX_AHEAD_MS = 600_000n;
const MAX_ENTRIES = 65_536;

/** What a ledger began with, as far as it is used here. */
export interface Genesis {
  chainId: Uint8Array;
  name: string;
  /** Whether anybody can make false proofs on this ledger. */
  forgeable: boolean;
  provingParameters: string;
  timeMs: bigint;
  unbondingMs: bigint;
  maxIdleMs: bigint;
  validators: ValidatorSet;
  /** Decimal digits of a minor unit, by currency. */
  decimals: Map<string, number>;
}

/** What is trusted before a step. */
interface Anchor {
  chainId: Uint8Array;
  height: bigint;
  timeMs: bigint;
  id: Uint8Array;
  validators: ValidatorSet;
  nextValidators: Uint8Array;
}

/** Reads a genesis; its hash names the ledger. */
export function readGenesis(given: unknown): Genesis {
  const chainId = hashParts("galen/genesis", [genesisBytes(given, "genesis")]);
  const genesis = fields(given, "genesis");
  const parameters = fields(genesis["parameters"], "genesis.parameters");
  const validators = items(genesis["validators"], MAX_ENTRIES, "genesis.validators").map((one) => {
    const { consensus_key: key, stake } = fields(one, "genesis.validators");
    return { key: digits(key, 32, "genesis.validators"), power: decimal(stake, 64, "genesis.validators") };
  });
  const currencies = items(genesis["currencies"], MAX_ENTRIES, "genesis.currencies").map((one): [string, number] => {
    const { currency, decimals } = fields(one, "genesis.currencies");
    return [text(currency, "genesis.currencies"), Number(whole(decimals, 8, "genesis.currencies"))];
  });
  const order = (a: (typeof validators)[number], b: (typeof validators)[number]): number =>
    a.power === b.power ? (hexadecimal(a.key) < hexadecimal(b.key) ? -1 : 1) : a.power > b.power ? -1 : 1;
  return {
    chainId,
    name: text(genesis["name"], "genesis.name"),
    forgeable: genesis["network"] !== "production",
    provingParameters: text(genesis["proving_parameters"], "genesis.proving_parameters"),
    timeMs: whole(genesis["time_ms"], 64, "genesis.time_ms"),
    unbondingMs: whole(parameters["unbonding_ms"], 64, "genesis.parameters.unbonding_ms"),
    maxIdleMs: whole(parameters["max_idle_ms"], 64, "genesis.parameters.max_idle_ms"),
    decimals: new Map(currencies),
    validators: validatorSet(validators.filter(({ power }) => power > 0n).sort(order), "genesis"),
  };
}

const anchorOf = ({ chainId, timeMs, validators }: Genesis): Anchor => ({
  chainId,
  height: 0n,
  timeMs,
  id: chainId,
  validators,
  nextValidators: validators.hash,
});

const refuse = (height: bigint, what: string): Refused => new Refused("header", `block ${height} ${what}`);

/** Tries a step. Says whether blocks in between are needed; throws for everything else that is wrong. */
function step(anchor: Anchor, block: LightBlock, nowMs: bigint): Anchor | "gap" {
  const { header, validators } = block;
  const { height } = header;
  if (!equal(header.chainId, anchor.chainId)) throw refuse(height, "is of another ledger");
  if (height <= anchor.height || header.timeMs <= anchor.timeMs) {
    throw refuse(height, `does not come after block ${anchor.height}, in height and time`);
  }
  if (header.timeMs > nowMs + MAX_AHEAD_MS) throw refuse(height, "is ahead of this machine's clock");
  const adjacent = height === anchor.height + 1n;
  if (adjacent && !equal(header.parent, anchor.id)) throw refuse(height, "does not follow the block before it");
  const announced = equal(header.validators, anchor.nextValidators);
  if (adjacent && !announced) throw refuse(height, "is decided by other validators than the block before announced");
  verifyCertificate(block);
  if (!announced) {
    const known = block.signatures.reduce(
      (sum, { validator }) => sum + (anchor.validators.powers.get(hexadecimal(validator)) ?? 0n),
      0n,
    );
    if (known * 3n <= anchor.validators.power) return "gap";
  }
  const { chainId, timeMs, id, nextValidators } = header;
  return { chainId, height, timeMs, id, validators, nextValidators };
}

/**
 * Checks that a genesis vouches for a block; blocks in between are fetched only where validators changed
 * too much. Returns how many blocks were looked at.
 */
export async function reach(
  genesis: Genesis,
  target: LightBlock,
  nowMs: bigint,
  fetchBlock: (height: bigint) => Promise<LightBlock>,
): Promise<number> {
  let at = anchorOf(genesis);
  const ahead = [target];
  let passed = 0;
  for (;;) {
    const block = ahead[ahead.length - 1];
    if (block === undefined) return passed;
    const next = step(at, block, nowMs);
    if (next === "gap") {
      const between = at.height + (block.header.height - at.height) / 2n;
      const fetched = await fetchBlock(between);
      if (fetched.header.height !== between) throw refuse(between, "was asked for, and another block was given");
      ahead.push(fetched);
    } else {
      at = next;
      ahead.pop();
      passed += 1;
    }
    if (passed + ahead.length > MAX_PATH) {
      throw refuse(target.header.height, `needs more than ${MAX_PATH} blocks between it and the genesis`);
    }
  }
}

/** Checks that a genesis vouches for the last block of a given path. */
export function follow(genesis: Genesis, path: LightBlock[], nowMs: bigint): void {
  let at = anchorOf(genesis);
  if (path.length === 0) throw new Refused("header", "no block is given");
  if (path.length > MAX_PATH) throw new Refused("header", `the path has more than ${MAX_PATH} blocks`);
  for (const block of path) {
    const next = step(at, block, nowMs);
    if (next === "gap") throw refuse(block.header.height, "lacks blocks between it and the one before");
    at = next;
  }
}

/** Whether validators who have left since could have forged what this genesis vouches for. */
export const formerValidatorsCouldForge = (genesis: Genesis, nowMs: bigint): boolean =>
  nowMs - genesis.timeMs >= genesis.unbondingMs;
