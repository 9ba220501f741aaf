/**
 * `node listing-cli.js NODE INSTITUTION PACKAGE`: fetches a listing from a node and verifies all of its
 * proofs. Prints one line of JSON: what was verified, or the reason of the refusal.
 */
import { readListing, readParameters, verifyListing } from "./listing.js";
import type { BlockProofAnswer, ListingAnswer, VerifyingKeysAnswer } from "./listing.js";
import { Refused } from "./refused.js";

const [node, institution, id] = process.argv.slice(2);
if (node === undefined || institution === undefined || id === undefined) {
  throw new Error("usage: node listing-cli.js NODE INSTITUTION PACKAGE");
}

async function answer(path: string): Promise<Response> {
  const response = await fetch(`${node}/api/v1/${path}`);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response;
}

const json = async <T>(path: string): Promise<T> => (await (await answer(path)).json()) as T;

try {
  const genesis = await json<{ proving_parameters: string }>("genesis");
  const keys = await json<VerifyingKeysAnswer>("verifying-keys");
  const parameters = readParameters(keys, genesis.proving_parameters);
  const view = await json<ListingAnswer>(`listings/${institution}/${id}`);
  const layout = new Uint8Array(await (await answer(`packages/${id}/layout`)).arrayBuffer());
  const listing = readListing(view, layout);
  const verified = await verifyListing(parameters, listing, (table, block) =>
    json<BlockProofAnswer>(`listings/${institution}/${id}/proofs/${table}/${block}`),
  );
  console.log(JSON.stringify({ outcome: "accepted", ...verified }));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(JSON.stringify({ outcome: error.reason, message: error.message }));
  process.exitCode = 1;
}
