/** Why a dataset is not opened: what is wrong, and what to do. */

export class Fault extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.name = "Fault";
    this.remedy = remedy;
  }
}

export const AGAIN = "`galen deal fetch` reads the package again and fetches what was changed; then begin again.";

/** What the institution sealed is not what it listed: the ledger gives the price back for that. */
export const disputable = (segment: number, what: string): Fault =>
  new Fault(
    `Segment ${segment} ${what}.`,
    "This is the institution's fault if the package is the one that was listed: `galen deal dispute` gets the price back, with a compensation, while the time for disputes lasts.",
  );
