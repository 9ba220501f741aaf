/**
 * Verifies what a listing or a deal carries, from its bytes: plain proofs (credential, key envelope,
 * segment key) and the bundles of row blocks; and what a node says of a listing or a licence, from the
 * genesis on. Runs in a browser; depends on two audited libraries for the curves and the hash, and on
 * nothing of Galen's.
 */
export { checkListing } from "./check.js";
export type { Ask, Report, Wanted } from "./check.js";
export { verifyLicence } from "./licence.js";
export { parseHex } from "./bytes.js";
export { decodeBundle, verifyBundle } from "./bundle.js";
export type { Bundle, BundleContext, Keys } from "./bundle.js";
export type { BlockClaims, Chart, ColumnClaim, DiversityClaim } from "./claims.js";
export { hashParts, hashToScalar, parseScalar } from "./field.js";
export { verify, verifyingKey } from "./groth16.js";
export { readLayout } from "./layout.js";
export type { Layout } from "./layout.js";
export { prepareBlock, readListing, readParameters, verifyListing } from "./listing.js";
export type {
  BlockProofAnswer,
  Listing,
  ListingAnswer,
  Parameters,
  TableClaims,
  Verified,
  VerifyingKeysAnswer,
} from "./listing.js";
export type { VerifyingKey } from "./groth16.js";
export { verifyPlain } from "./plain.js";
export { g1, g2 } from "./point.js";
export { Refused } from "./refused.js";
export type { Reason } from "./refused.js";
export { checkPowers, verifyTotals } from "./totals.js";
export type { Summary } from "./totals.js";
