/**
 * A licence certificate: one file with which anybody can check, without a node, that the ledger issued a
 * licence, for what, and under which terms. What the file says in words must be what is proven.
 */
import type { Encoder } from "./encode.js";
import { readLightBlock } from "./header.js";
import { follow, formerValidatorsCouldForge, readGenesis } from "./light.js";
import { digits, fields, hexadecimal, items, parseJson, whole } from "./json.js";
import { Refused } from "./refused.js";
import { keys, mustBe, provenValue, readStateProof } from "./state.js";
import * as types from "./types.js";

const FORMAT = "galen-licence-1";
const MAX_BYTES = 64 << 20;
const MAX_PATH = 256;

/** Whether a licence may be used at the time of the check, as far as the file knows. */
export type InForce = "yes" | "not yet" | "expired" | "revoked";

/** What whoever relies on a certificate must be told: each of these is shown. */
export type Caution = Exclude<InForce, "yes"> | "former validators" | "forgeable";

/** What a certificate proved, and what it rests on. */
export interface VerifiedLicence {
  deal: string;
  institution: string;
  package: string;
  chainId: string;
  ledger: string;
  /** Height and time of the block whose state is proven; what came later, the file does not know. */
  height: string;
  block: string;
  timeMs: number;
  inForce: InForce;
  fromMs: number;
  untilMs: number;
  revokedMs: number | undefined;
  formerValidatorsCouldForge: boolean;
  unbondingMs: number;
  forgeable: boolean;
}

function inForce(fromMs: number, untilMs: number, revokedMs: number | undefined, nowMs: number): InForce {
  if (revokedMs !== undefined) return "revoked";
  if (nowMs < fromMs) return "not yet";
  return nowMs >= untilMs ? "expired" : "yes";
}

export const cautions = (licence: VerifiedLicence): Caution[] => [
  ...(licence.inForce === "yes" ? [] : [licence.inForce]),
  ...(licence.formerValidatorsCouldForge ? (["former validators"] as const) : []),
  ...(licence.forgeable ? (["forgeable"] as const) : []),
];

/**
 * Checks the bytes of a certificate at a time. `chainId` are the digits of the genesis hash that is
 * trusted; without it, the ledger is the one that the file names, and whoever checks must compare it.
 */
export function verifyLicence(bytes: Uint8Array, nowMs: number, chainId?: string): VerifiedLicence {
  if (bytes.length > MAX_BYTES) throw new Refused("encoding", `the certificate is longer than ${MAX_BYTES} bytes`);
  const file = fields(parseJson(bytes, "the certificate"), "certificate");
  if (file["format"] !== FORMAT) throw new Refused("licence", `the certificate is not of the form ${FORMAT}`);
  const genesis = readGenesis(file["genesis"]);
  if (chainId !== undefined && hexadecimal(genesis.chainId) !== chainId) {
    throw new Refused("genesis", "the certificate is of another ledger than the trusted one");
  }
  const path = items(file["path"], MAX_PATH, "path").map((block, i) => readLightBlock(block, `path[${i}]`));
  follow(genesis, path, BigInt(nowMs));
  const last = path[path.length - 1]!;

  const says = fields(file["says"], "says");
  const proofs = fields(file["proofs"], "proofs");
  const shown = fields(says["licence"], "says.licence");
  const { institution, package: id } = fields(shown["listing"], "says.licence.listing");
  const deal = digits(shown["deal"], 32, "says.licence.deal");
  const [of, named] = [digits(institution, 32, "institution"), digits(id, 32, "package")];
  const version = Number(whole(shown["version"], 32, "says.licence.version"));
  const parts: [string, Uint8Array, Encoder][] = [
    ["licence", keys.licence(deal), types.licence],
    ["deal", keys.deal(deal), types.deal],
    ["listing", keys.listing(of, named), types.listing],
    ["offer", keys.offer(of, named, version), types.offer],
    ["institution", keys.institution(of), types.party],
  ];
  const strange = Object.keys(says).find((name) => !parts.some(([part]) => part === name));
  if (strange !== undefined) throw new Refused("licence", `it says ${strange.slice(0, 40)}, which nothing proves`);
  for (const [part, key, encode] of parts) {
    const proof = readStateProof(proofs[part], `proofs.${part}`);
    mustBe(encode(says[part], `says.${part}`), provenValue(proof, key, last.header.stateRoot, part), `the ${part}`);
  }
  const revoked = shown["revoked_ms"];
  const time = (name: string): number => Number(whole(shown[name], 64, `says.licence.${name}`));
  const [fromMs, untilMs] = [time("from_ms"), time("until_ms")];
  const revokedMs = revoked === undefined || revoked === null ? undefined : time("revoked_ms");
  return {
    deal: hexadecimal(deal),
    institution: hexadecimal(of),
    package: hexadecimal(named),
    chainId: hexadecimal(genesis.chainId),
    ledger: genesis.name,
    height: last.header.height.toString(),
    block: hexadecimal(last.header.id),
    timeMs: Number(last.header.timeMs),
    inForce: inForce(fromMs, untilMs, revokedMs, nowMs),
    fromMs,
    untilMs,
    revokedMs,
    formerValidatorsCouldForge: formerValidatorsCouldForge(genesis, BigInt(nowMs)),
    unbondingMs: Number(genesis.unbondingMs),
    forgeable: genesis.forgeable,
  };
}
