/** The worker: leads a check, or helps one that another worker leads. */
import { checkListing } from "../verifier/src/check.js";
import type { Report, Wanted } from "../verifier/src/check.js";
import { verifyLicence } from "../verifier/src/licence.js";
import type { VerifiedLicence } from "../verifier/src/licence.js";
import { Evidence, nodeSource, savedSource } from "../verifier/src/source.js";
import { failure, helper, verifyInPool } from "./pool.js";
import type { Result, Task } from "./pool.js";

/** Turns a worker into a helper of another, which sends its tasks through a port. */
export interface Help {
  kind: "help";
  port: MessagePort;
}

/** What the page asks for. `saved` is a file: saved answers, or a licence certificate. */
export type Order =
  | { kind: "check"; node: string; wanted: Wanted; helpers: MessagePort[] }
  | { kind: "saved"; file: ArrayBuffer; chainId: string | undefined; helpers: MessagePort[] }
  | { kind: "save"; institution: string; package: string };

/** What the page is told. */
export type News =
  | { kind: "total"; blocks: number }
  | { kind: "report"; report: Report }
  | { kind: "licence"; licence: VerifiedLicence }
  | { kind: "saved"; text: string }
  | Exclude<Result, { kind: "shares" }>;

interface Scope {
  onmessage: ((event: MessageEvent<Order | Help>) => void) | null;
  postMessage(message: News): void;
}

const isLicence = (file: ArrayBuffer): boolean =>
  new TextDecoder().decode(file.slice(0, 4096)).includes('"galen-licence-1"');

/** Turns this thread into the worker. */
export function serve(scope: Scope): void {
  const tell = (news: News): void => scope.postMessage(news);
  const evidence = new Evidence();

  async function check(order: Exclude<Order, { kind: "save" }>): Promise<void> {
    if (order.kind === "saved" && isLicence(order.file)) {
      tell({ kind: "licence", licence: verifyLicence(new Uint8Array(order.file), Date.now(), order.chainId) });
      return;
    }
    const saved = order.kind === "saved" ? savedSource(new Uint8Array(order.file)) : undefined;
    const ask = saved?.ask ?? evidence.keeping(nodeSource(order.kind === "check" ? order.node : ""));
    const chainId = order.kind === "saved" ? order.chainId : order.wanted.chainId;
    const of = saved ?? (order as { wanted: Wanted }).wanted;
    const named = chainId === undefined ? {} : { chainId };
    const wanted = { institution: of.institution, package: of.package, ...named };
    const report = await checkListing(
      ask,
      wanted,
      Date.now(),
      (given, places) => verifyInPool(ask, given, places, order.helpers, () => tell({ kind: "done" })),
      (blocks) => tell({ kind: "total", blocks }),
    );
    tell({ kind: "report", report });
  }

  scope.onmessage = ({ data }) => {
    if (data.kind === "help") {
      const help = helper((result) => data.port.postMessage(result));
      data.port.onmessage = (event: MessageEvent<Task>) => void help(event.data);
      return;
    }
    if (data.kind === "save") tell({ kind: "saved", text: evidence.save(data.institution, data.package) });
    else check(data).catch((error: unknown) => tell(failure(error) as News));
  };
}
