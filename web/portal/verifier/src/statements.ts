/** The public inputs of each statement of a bundle, from what was opened at the challenge. */
import { BINS, entries, tables } from "./claims.js";
import type { BlockClaims, ColumnClaim, Statement } from "./claims.js";
import { littleEndian } from "./bytes.js";
import { Fr, hashToScalar, scalarBytes } from "./field.js";
import type { Scalar } from "./field.js";

/** What is drawn from the commitments of all columns. */
export interface Mix {
  /** Combines the quasi-identifiers, by its powers. */
  rho: Scalar;
  /** Stands in the padding rows of their combination. */
  padding: Scalar;
}

/** The challenge, and the values at it. */
export interface Opened {
  zeta: Scalar;
  columns: Map<number, Scalar>;
  /** Of the block's shares of charts, in the order of the claims. */
  shares: Scalar[];
}

const power = (base: Scalar, exponent: number): Scalar => Fr.pow(base, BigInt(exponent));
const double = (value: Scalar): Scalar => Fr.add(value, value);

/** `ζ^from + … + ζ^{to−1}`. */
function geometric(zeta: Scalar, from: number, to: number): Scalar {
  if (to <= from) return 0n;
  if (zeta === 1n) return BigInt(to - from);
  return Fr.div(Fr.sub(power(zeta, to), power(zeta, from)), Fr.sub(zeta, 1n));
}

/** `Σ (to − r)·ζ^r` over `from ≤ r < to`. */
function descending(zeta: Scalar, from: number, to: number): Scalar {
  const count = BigInt(to - from);
  if (zeta === 1n) return Fr.create((count * (count + 1n)) / 2n);
  const sum = Fr.sub(geometric(zeta, from + 1, to + 1), Fr.mul(count, power(zeta, from)));
  return Fr.div(sum, Fr.sub(zeta, 1n));
}

/** `Σ ρ^{c+1}·y_c` over the quasi-identifiers. */
function combined(claims: BlockClaims, mix: Mix, opened: Opened): Scalar {
  return claims.quasiIdentifiers.reduce(
    (total, column) => Fr.add(total, Fr.mul(power(mix.rho, column + 1), opened.columns.get(column)!)),
    0n,
  );
}

/** `(1 − ζ)·y + t·(ζ^n − ζ^N)`: the value of the differences of the combined column. */
function differences(claims: BlockClaims, mix: Mix, opened: Opened): Scalar {
  const { zeta } = opened;
  const padded = Fr.sub(power(zeta, claims.rows), power(zeta, claims.blockRows));
  const own = Fr.mul(Fr.sub(1n, zeta), combined(claims, mix, opened));
  return Fr.add(own, Fr.mul(mix.padding, padded));
}

/** The value at `ζ` of the labels of table entries 1, 2, …: a bin's number, or 33 for one not allowed. */
function labels(claims: BlockClaims, claim: ColumnClaim, zeta: Scalar): Scalar {
  const edges = entries(claims, claim);
  const { codes, grid } = tables(claims);
  let start = 1;
  let sum = 0n;
  for (const end of [...edges, claim.form === "small" ? codes : grid]) {
    if (end <= start) continue;
    const bin = edges.filter((edge) => edge <= start).length;
    const label = bin === 0 || bin === edges.length ? BINS + 1 : bin;
    sum = Fr.add(sum, Fr.mul(BigInt(label), geometric(zeta, start - 1, end - 1)));
    start = end;
  }
  return sum;
}

function column(
  claims: BlockClaims,
  mix: Mix,
  opened: Opened,
  claim: ColumnClaim,
  place: number,
): Scalar[] {
  const { zeta } = opened;
  const { rows, blockRows } = claims;
  const parts = [scalarBytes(mix.rho), littleEndian(claim.column, 4), new TextEncoder().encode("pad")];
  const filler = hashToScalar("galen/column-padding/1", parts);
  const padding = BigInt(blockRows - rows);
  // What a padding row holds: t, or 2t.
  const held = claim.form === "small" ? filler : double(filler);
  const value = Fr.add(opened.columns.get(claim.column)!, Fr.mul(held, geometric(zeta, rows, blockRows)));
  const share = opened.shares[place]!;
  const shown = labels(claims, claim, zeta);
  if (claim.form === "small") return [padding, filler, zeta, value, shown, share];
  // Each padding row counts as one cell: 1 + 2t·ζ² + 4t²·ζ³.
  const square = Fr.sqr(zeta);
  const counted = Fr.add(1n, Fr.mul(square, Fr.add(held, Fr.mul(zeta, Fr.sqr(held)))));
  const summary = Fr.add(share, Fr.mul(padding, counted));
  return [claim.chart.step, padding, filler, zeta, value, shown, summary];
}

/** The public inputs of a statement. */
export function inputs(claims: BlockClaims, mix: Mix, opened: Opened, statement: Statement): Scalar[] {
  const { zeta } = opened;
  switch (statement.kind) {
    case "k-anonymity":
      return [BigInt(claims.k), zeta, differences(claims, mix, opened)];
    case "diversity": {
      const { l, order, column: sensitive } = statement.claim;
      const { rows, blockRows } = claims;
      const classes =
        order === "tail"
          ? differences(claims, mix, opened)
          : Fr.add(combined(claims, mix, opened), Fr.mul(mix.padding, geometric(zeta, rows, blockRows)));
      const cells = Fr.add(opened.columns.get(sensitive)!, descending(zeta, rows, blockRows));
      return [BigInt(l), zeta, classes, cells];
    }
    case "column":
      return column(claims, mix, opened, statement.claim, statement.place);
  }
}
