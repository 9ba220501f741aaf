/**
 * The worker: asks the wallet's server for the key that was bought and for the encrypted package, and opens
 * it. The key stays in this thread, and goes with it.
 */
import { parseScalar } from "../verifier/src/field.js";
import { Fault } from "./fault.js";
import type { Values } from "./fault.js";
import { openPackage } from "./open.js";
import { readPackage } from "./package.js";
import type { Reason } from "./words.js";

/** What the page asks for: the pages of a deal, and the token of the wallet's forms. */
export interface Order {
  base: string;
  token: string;
}

/** A file as the page offers it. */
export interface Offered {
  path: string;
  bytes: number;
  content: Blob;
  hashed: boolean;
  formulas: string[];
}

/** What the page is told. */
export type News =
  | { kind: "total"; segments: number }
  | { kind: "done" }
  | { kind: "opened"; package: string; files: Offered[] }
  | { kind: "fault"; reason: Reason; values: Values; remedy?: string | undefined };

interface Scope {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(message: News): void;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { cache: "no-store", ...init });
  } catch {
    throw new Fault("unreachable");
  }
  if (!answer.ok) {
    const [what = "", ...remedy] = (await answer.text()).trim().split("\n");
    throw new Fault("reload", { what }, remedy.join(" ") || undefined);
  }
  return answer;
}

const bytes = async (answer: Promise<Response>): Promise<Uint8Array> => new Uint8Array(await (await answer).arrayBuffer());

/** Turns this thread into the worker. */
export function serve(scope: Scope): void {
  const tell = (news: News): void => scope.postMessage(news);

  async function open({ base, token }: Order): Promise<void> {
    const sold = (await (await ask(`${base}/key`, { method: "POST", body: new URLSearchParams({ token }) })).json()) as {
      package: string;
      key: string;
    };
    const part = (name: string): Promise<Uint8Array> => bytes(ask(`${base}/${name}`));
    const [summary, manifest, layout, leaves] = await Promise.all([part("summary"), part("manifest"), part("layout"), part("leaves")]);
    const of = readPackage(sold.package, { summary, manifest, layout, leaves });
    tell({ kind: "total", segments: of.segments.length });
    const fetchRange = (start: number, end: number): Promise<Uint8Array> =>
      bytes(ask(`${base}/segments`, { headers: { range: `bytes=${start}-${end - 1}` } }));
    const opened = await openPackage(of, parseScalar(sold.key), fetchRange, () => tell({ kind: "done" }));
    // Never another type: a file of a stranger must not become a page of this origin.
    const files = opened.map(({ pieces, ...file }) => ({ ...file, content: new Blob(pieces, { type: "application/octet-stream" }) }));
    tell({ kind: "opened", package: of.id, files });
  }

  scope.onmessage = ({ data }) => {
    open(data).catch((error: unknown) => {
      if (error instanceof Fault) tell({ kind: "fault", reason: error.reason, values: error.values, remedy: error.remedy });
      else tell({ kind: "fault", reason: "answer", values: { what: String(error) } });
    });
  };
}
