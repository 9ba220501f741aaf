/** Why something is not accepted. The names are those of the ledger's own refusals. */
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
  | "invalid";

/** Thrown for everything that is not accepted; nothing else is thrown for foreign bytes. */
export class Refused extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(message);
    this.name = "Refused";
    this.reason = reason;
  }
}
