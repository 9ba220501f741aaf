/**
 * Row blocks over several workers: the leading one fetches proofs and hands them out in small parts, so
 * that as many cores as there are verify at once and little is held in memory.
 */
import { proofPath, verifyHere, prepared } from "../verifier/src/check.js";
import type { Ask, Given } from "../verifier/src/check.js";
import type { Place } from "../verifier/src/listing.js";
import { g1Bytes, g1OrZero } from "../verifier/src/point.js";
import type { G1Point } from "../verifier/src/point.js";
import { Refused } from "../verifier/src/refused.js";
import type { Reason } from "../verifier/src/refused.js";

/** The most row blocks that are handed out at once. */
const MOST_BLOCKS = 8;

/** What a helper is given to do: blocks with their answers, and before the first what they belong to. */
export interface Task {
  given: Given | undefined;
  places: Place[];
  answers: Uint8Array[];
}

/** What a helper answers. */
export type Result =
  | { kind: "done" }
  | { kind: "shares"; shares: Uint8Array[][] }
  | { kind: "refused"; reason: Reason; message: string }
  | { kind: "broken"; message: string };

/** A refusal as it travels between workers. */
export const failure = (error: unknown): Result =>
  error instanceof Refused
    ? { kind: "refused", reason: error.reason, message: error.message }
    : { kind: "broken", message: String(error) };

/** What a helper does with its tasks. */
export function helper(post: (result: Result) => void): (task: Task) => Promise<void> {
  let all: { given: Given; prepared: ReturnType<typeof prepared> } | undefined;
  return async ({ given, places, answers }) => {
    try {
      if (given !== undefined) all = { given, prepared: prepared(given) };
      if (all === undefined) throw new Error("blocks of no listing");
      const { wanted } = all.given;
      const byPath = new Map(places.map((place, i) => [proofPath(wanted, place), answers[i]!]));
      const ask: Ask = async (path) => byPath.get(path) ?? new Uint8Array();
      const shares = await verifyHere(ask, all.prepared, wanted, places, () => post({ kind: "done" }));
      post({ kind: "shares", shares: shares.map((block) => block.map(g1Bytes)) });
    } catch (error) {
      post(failure(error));
    }
  };
}

function run(port: MessagePort, task: Task, done: () => void): Promise<G1Point[][]> {
  return new Promise((resolve, reject) => {
    port.onmessage = ({ data }: MessageEvent<Result>) => {
      if (data.kind === "done") done();
      else if (data.kind === "shares") resolve(data.shares.map((block) => block.map(g1OrZero)));
      else reject(data.kind === "refused" ? new Refused(data.reason, data.message) : new Error(data.message));
    };
    port.postMessage(task);
  });
}

/** Verifies row blocks with these helpers, or here if there is none or one block. */
export async function verifyInPool(
  ask: Ask,
  given: Given,
  places: Place[],
  helpers: MessagePort[],
  done: () => void,
): Promise<G1Point[][]> {
  const used = helpers.slice(0, places.length);
  if (used.length < 2) return verifyHere(ask, prepared(given), given.wanted, places, done);
  const size = Math.min(MOST_BLOCKS, Math.ceil(places.length / used.length));
  const shares: G1Point[][] = [];
  let next = 0;
  const work = async (port: MessagePort): Promise<void> => {
    let first: Given | undefined = given;
    while (next < places.length) {
      const from = next;
      next += size;
      const part = places.slice(from, next);
      const answers: Uint8Array[] = [];
      for (const place of part) answers.push(await ask(proofPath(given.wanted, place)));
      const found = await run(port, { given: first, places: part, answers }, done);
      first = undefined;
      found.forEach((block, i) => {
        shares[from + i] = block;
      });
    }
  };
  await Promise.all(used.map(work));
  return shares;
}
