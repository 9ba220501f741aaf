/**
 * The whole check of a listing, from the genesis to the last proof. Asks a node, or a file of saved
 * answers, and believes nothing that does not follow from the genesis, whose hash it returns to be
 * compared. Keys of the state come from the names that were asked for, never from an answer.
 */
import { equal, readLightBlock, verifyCertificate } from "./header.js";
import type { LightBlock } from "./header.js";
import { digits, fields, hexadecimal, items, parseJson, text, whole } from "./json.js";
import { formerValidatorsCouldForge, reach, readGenesis } from "./light.js";
import type { Genesis } from "./light.js";
import { prepareBlock, readListing, readParameters, verifyListing } from "./listing.js";
import type { BlockProofAnswer, Listing, ListingAnswer, Parameters, Place, VerifyingKeysAnswer } from "./listing.js";
import { settle } from "./pairing.js";
import type { PairingCheck } from "./pairing.js";
import type { G1Point } from "./point.js";
import { Refused } from "./refused.js";
import { keys, mustBe, provenValue, readStateProof, verifyState } from "./state.js";
import * as types from "./types.js";

/** Answers a path below `api/v1/` with its body, which is bounded. */
export type Ask = (path: string) => Promise<Uint8Array>;

/** Which listing, and which ledger if that is known: the digits of its genesis hash. */
export interface Wanted {
  institution: string;
  package: string;
  chainId?: string;
}

/** What was verified of a table. */
export interface VerifiedTable {
  name: string;
  rows: number;
  blocks: number;
  columns: number;
  k: number;
  diversity: { column: string; l: number }[];
  charts: string[];
}

/** What a check found. Times are in milliseconds since 1970. */
export interface Report {
  ledger: string;
  chainId: string;
  /** Whether anybody can make false proofs on this ledger. */
  forgeable: boolean;
  genesisMs: number;
  unbondingMs: number;
  formerValidatorsCouldForge: boolean;
  parameters: string;
  /** Hashes of the verifying keys that proofs were verified with, by circuit. */
  verifyingKeys: [circuit: string, hash: string][];
  height: string;
  block: string;
  timeMs: number;
  checkedMs: number;
  /** Whether the block is older than a node that keeps up would show. */
  stale: boolean;
  validators: number;
  signed: string;
  power: string;
  /** Blocks between genesis and this one that were looked at, with it. */
  path: number;
  institution: { id: string; name: string; suspended: boolean; stopped: boolean };
  package: string;
  standing: string;
  supersededBy: string | undefined;
  version: number;
  prices: { tier: string; amount: string; currency: string; decimals: number; months: number }[];
  tables: VerifiedTable[];
  blocks: number;
  statements: number;
}

/** Verifies row blocks, somewhere; returns their shares of the charts. */
export type VerifyBlocks = (given: Given, places: Place[]) => Promise<G1Point[][]>;

/** What row blocks are verified with, as it was answered. */
export interface Given {
  wanted: Wanted;
  keys: VerifyingKeysAnswer;
  pinned: string;
  listing: ListingAnswer;
  layout: Uint8Array;
}

/** How often a node that keeps up shows a new block, at worst: so many times the longest idle time. */
const PATIENCE = 3n;

/** So many pairing checks are taken together at least: fewer cost more each, more show progress late. */
const AT_ONCE = 24;

/** Reads an answer. */
export const askJson = async (ask: Ask, path: string): Promise<unknown> => parseJson(await ask(path), path);

/** The address of the proofs of a row block. */
export const proofPath = ({ institution, package: id }: Wanted, { table, block }: Place): string =>
  `listings/${institution}/${id}/proofs/${table}/${block}`;

/** Parameters and listing of row blocks. */
export const prepared = (given: Given): [Parameters, Listing] => [
  readParameters(given.keys, given.pinned),
  readListing(given.listing, given.layout),
];

/** Verifies row blocks one after the other, here. */
export async function verifyHere(
  ask: Ask,
  [parameters, listing]: [Parameters, Listing],
  wanted: Wanted,
  places: Place[],
  done: () => void,
): Promise<G1Point[][]> {
  const shares: G1Point[][] = [];
  let left: PairingCheck[] = [];
  let waiting = 0;
  const settleLeft = (): void => {
    settle(left);
    for (; waiting > 0; waiting -= 1) done();
    left = [];
  };
  for (const place of places) {
    const answer = (await askJson(ask, proofPath(wanted, place))) as BlockProofAnswer;
    const block = prepareBlock(parameters, listing, place, answer);
    shares.push(block.shares);
    left.push(...block.checks);
    waiting += 1;
    if (left.length >= AT_ONCE) settleLeft();
  }
  settleLeft();
  return shares;
}

/** What the signed state says of a listing. */
interface Proven {
  block: LightBlock;
  listing: ListingAnswer;
  layout: Uint8Array;
  party: Uint8Array;
  stopped: boolean;
}

/** Asks for a listing and its proofs, which must be of the same state. */
async function proven(ask: Ask, wanted: Wanted): Promise<Proven> {
  const [institution, id] = [digits(wanted.institution, 32, "institution"), digits(wanted.package, 32, "package")];
  const view = fields(await askJson(ask, `listings/${wanted.institution}/${wanted.package}`), "listing");
  const summary = fields(view["summary"], "listing.summary");
  const listing = fields(summary["listing"], "listing.summary.listing");
  const version = Number(whole(listing["version"], 32, "listing.summary.listing.version"));
  const names = [
    ["listing", keys.listing(institution, id)],
    ["claims", keys.claims(institution, id)],
    ["layout", keys.layout(institution, id)],
    ["offer", keys.offer(institution, id, version)],
    ["institution", keys.institution(institution)],
    ["stop of the institution", keys.stop(institution)],
  ] as const;
  const query = names.map(([, key]) => hexadecimal(key)).join(",");
  const answer = fields(await askJson(ask, `proofs?key=${query}`), "proofs");
  const block = readLightBlock(answer["block"], "proofs.block");
  const given = items(answer["proofs"], names.length, "proofs.proofs");
  const root = block.header.stateRoot;
  const proof = (at: number): ReturnType<typeof readStateProof> => readStateProof(given[at], `proofs.proofs[${at}]`);
  const value = (at: number): Uint8Array => provenValue(proof(at), names[at]![1], root, names[at]![0]);
  mustBe(types.listing(listing, "listing"), value(0), "the listing");
  mustBe(types.claims(view["claims"], "claims"), value(1), "what is claimed of the tables (k, l, charts)");
  mustBe(types.offer(summary["offer"], "offer"), value(3), "the offer (price and terms)");
  const stopped = verifyState(proof(5), names[5][1], root, names[5][0]) !== undefined;
  return { block, listing: view as unknown as ListingAnswer, layout: value(2), party: value(4), stopped };
}

/** Name and standing of a registered institution, from its canonical bytes. */
function institution(bytes: Uint8Array): { name: string; suspended: boolean } {
  const refuse = (): Refused => new Refused("state", "the registration of the institution cannot be read");
  // An institution, not an issuer or a gateway: name and address follow at once.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 50 || bytes[0] !== 0) throw refuse();
  const name = view.getUint32(1, true);
  const url = name <= bytes.length - 50 ? view.getUint32(5 + name, true) : bytes.length;
  if (bytes.length !== 50 + name + url) throw refuse();
  const suspended = bytes[9 + name + url];
  return { name: new TextDecoder().decode(bytes.subarray(5, 5 + name)), suspended: suspended !== 0 };
}

function tablesOf({ layout, claims }: Listing): VerifiedTable[] {
  return layout.tables.map((table, at): VerifiedTable => {
    const { k, diversity, charts } = claims[at]!;
    const name = (column: number): string => table.columns[column]?.name ?? String(column);
    return {
      name: table.name,
      rows: table.active.reduce((sum, active) => sum + active, 0),
      blocks: table.active.length,
      columns: table.columns.length,
      k,
      diversity: diversity.map(({ column, l }) => ({ column: name(column), l })),
      charts: charts.map(({ column }) => name(column)),
    };
  });
}

/** Keys that statements about a listing are verified with. */
function keysOf(parameters: Parameters, { layout, claims }: Listing): [string, string][] {
  const size = layout.blockRows;
  const used = claims.flatMap(({ diversity, charts }) => [
    `k-anonymity/1/${size}`,
    ...diversity.map(({ order }) => `l-diversity-${order}/1/${size}`),
    ...charts.map(({ form }) => `column-${form === "small" ? "small" : "wide"}/1/${size}`),
  ]);
  return parameters.hashes
    .filter(([circuit]) => used.includes(circuit))
    .map(([circuit, hash]) => [circuit, hexadecimal(hash)]);
}

async function genesisOf(ask: Ask, wanted: Wanted): Promise<Genesis> {
  const genesis = readGenesis(await askJson(ask, "genesis"));
  if (wanted.chainId !== undefined && hexadecimal(genesis.chainId) !== wanted.chainId) {
    throw new Refused("genesis", `the node is of another ledger: its genesis hash is ${hexadecimal(genesis.chainId)}`);
  }
  return genesis;
}

/** Checks a listing. `total` is called once with the number of row blocks. */
export async function checkListing(
  ask: Ask,
  wanted: Wanted,
  nowMs: number,
  verify: VerifyBlocks,
  total: (blocks: number) => void,
): Promise<Report> {
  const now = BigInt(Math.trunc(nowMs));
  const genesis = await genesisOf(ask, wanted);
  const keysAnswer = (await askJson(ask, "verifying-keys")) as VerifyingKeysAnswer;
  // A block may come between the answers: then they are asked for again.
  const found = await proven(ask, wanted).catch((error: unknown) => {
    if (error instanceof Refused && error.reason === "state") return proven(ask, wanted);
    throw error;
  });
  const { block, listing: answer, layout } = found;
  const path = await reach(genesis, block, now, async (height) =>
    readLightBlock(await askJson(ask, `headers/${height}`), `headers/${height}`),
  );
  const signed = verifyCertificate(block);
  const given = { wanted, keys: keysAnswer, pinned: genesis.provingParameters, listing: answer, layout };
  const [parameters, listing] = prepared(given);
  if (!equal(listing.institution, digits(wanted.institution, 32, "institution")) || hexadecimal(listing.package) !== wanted.package) {
    throw new Refused("state", "the listing that is shown is another one than was asked for");
  }
  const shown = fields(fields((answer as unknown as Record<string, unknown>)["summary"], "summary")["listing"], "listing");
  const standing = text(fields(shown["standing"], "standing")["state"], "standing.state");
  if (standing === "draft") throw new Refused("proofs", "the listing is a draft, and not every row block is proven");
  total(listing.layout.tables.reduce((sum, table) => sum + table.active.length, 0));
  const verified = await verifyListing(parameters, listing, (places) => verify(given, places));
  const superseded = shown["superseded_by"];
  return {
    ledger: genesis.name,
    chainId: hexadecimal(genesis.chainId),
    forgeable: genesis.forgeable,
    genesisMs: Number(genesis.timeMs),
    unbondingMs: Number(genesis.unbondingMs),
    formerValidatorsCouldForge: formerValidatorsCouldForge(genesis, now),
    parameters: hexadecimal(parameters.hash),
    verifyingKeys: keysOf(parameters, listing),
    height: block.header.height.toString(),
    block: hexadecimal(block.header.id),
    timeMs: Number(block.header.timeMs),
    checkedMs: nowMs,
    stale: now - block.header.timeMs > PATIENCE * genesis.maxIdleMs,
    validators: block.validators.validators.length,
    signed: signed.toString(),
    power: block.validators.power.toString(),
    path,
    institution: { id: wanted.institution, ...institution(found.party), stopped: found.stopped },
    package: wanted.package,
    standing,
    supersededBy: typeof superseded === "string" ? superseded : undefined,
    version: Number(shown["version"]),
    prices: pricesOf(answer, genesis),
    tables: tablesOf(listing),
    ...verified,
  };
}

function pricesOf(answer: ListingAnswer, genesis: Genesis): Report["prices"] {
  const offer = fields((answer.summary as unknown as Record<string, unknown>)["offer"], "offer");
  return items(offer["tiers"], 8, "offer.tiers").map((one) => {
    const tier = fields(one, "tier");
    const price = fields(tier["price"], "tier.price");
    const [currency, amount] = [text(price["currency"], "currency"), text(price["amount"], "amount")];
    const decimals = genesis.decimals.get(currency) ?? 0;
    return { tier: text(tier["name"], "tier.name"), amount, currency, decimals, months: Number(tier["licence_months"]) };
  });
}
