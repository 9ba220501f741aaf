/** Why a dataset is not opened: what is wrong, to be said in the reader's language. */
import type { Reason } from "./words.js";

export type Values = Record<string, string | number>;

export class Fault extends Error {
  readonly reason: Reason;
  readonly values: Values;
  /** What to do, where the wallet itself said it. */
  readonly remedy: string | undefined;

  constructor(reason: Reason, values: Values = {}, remedy?: string) {
    super(reason);
    this.name = "Fault";
    this.reason = reason;
    this.values = values;
    this.remedy = remedy;
  }
}
