/**
 * Why something is not accepted. The names are those of the ledger's own refusals, as far as it has
 * them; the last ones are about headers, state and the node that is asked.
 */
export type Reason =
  | "encoding"
  | "key"
  | "unknown-circuit"
  | "claim"
  | "layout"
  | "leaves"
  | "proofs"
  | "inputs"
  | "columns"
  | "opening"
  | "knowledge"
  | "totals"
  | "invalid"
  | "genesis"
  | "header"
  | "certificate"
  | "state"
  | "licence"
  | "unreachable";

/** Thrown for everything that is not accepted; nothing else is thrown for foreign bytes. */
export class Refused extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(message);
    this.name = "Refused";
    this.reason = reason;
  }
}
