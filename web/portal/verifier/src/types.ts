/** The types of the ledger that are shown in JSON and proven as bytes, field by field in their order. */
import {
  array,
  blob,
  bool,
  choice,
  day,
  decimal,
  element,
  hash,
  list,
  named,
  numbered,
  option,
  otherwise,
  struct,
  tagged,
  text,
  uint,
} from "./encode.js";
import type { Encoder } from "./encode.js";
import { Refused } from "./refused.js";

const [u16, u32, u64] = [uint(2), uint(4), uint(8)];
const amount = decimal(8);
const id = hash(32);

const money = struct({ currency: text, amount });
const listingId = struct({ institution: id, package: id });
const fees = struct({ per_kib: amount, per_unit: amount });

const parameters = struct({
  max_idle_ms: u64,
  revoke_epoch_ms: u64,
  root_window_ms: u64,
  unbonding_ms: u64,
  min_stake: amount,
  due_max: u32,
  max_expiry_ms: u64,
  requests_per_credential: u16,
  max_block_bytes: u64,
  reserved_block_bytes: u64,
  max_block_units: u64,
  k_min: u32,
  draft_ms: u64,
  draft_deposit_per_kib: amount,
  max_review_ms: u64,
  ready_ms: u64,
  ready_per_segment_ms: u64,
  ready_max_ms: u64,
  deliver_ms: u64,
  dispute_ms: u64,
  month_ms: u64,
  compensation_basis_points: u16,
  compensation_max: amount,
  standing_max_ms: u64,
  match_max: u32,
});

/** Most entries of each list of a genesis. */
const MAX_ENTRIES = 65_536;

/** What a ledger begins with. */
export const genesis: Encoder = struct({
  name: text,
  network: named(["development", "production"]),
  proving_parameters: id,
  time_ms: u64,
  registrars: struct({ threshold: u32, accounts: list(MAX_ENTRIES, id) }),
  currencies: list(
    MAX_ENTRIES,
    struct({ currency: text, decimals: uint(1), fees, gateway: id, gateway_name: text }),
  ),
  validators: list(MAX_ENTRIES, struct({ account: id, consensus_key: id, stake: amount })),
  stake: list(MAX_ENTRIES, struct({ account: id, amount })),
  opener: element,
  parameters,
});

/** A listing, without what has a key of its own. */
export const listing: Encoder = struct({
  id: listingId,
  root: id,
  segments: u64,
  key: element,
  manifest: id,
  lineage: struct({ supersedes: option(id), parents: list(3, listingId), step: text }),
  superseded_by: option(id),
  royalties: list(8, struct({ listing: listingId, basis_points: u16 })),
  blocks: u32,
  version: u32,
  standing: tagged("state", {
    draft: { proven: u32, expires_ms: u64 },
    live: {},
    withdrawn: {},
    taken_down: {},
    refunded: { deal: id, segment: u64 },
  }),
  closing: option(struct({ reason: text, evidence: option(id), since_ms: u64 })),
  deposit: money,
  undelivered: u32,
  licences: u32,
  live_since_ms: option(u64),
});

const summary = struct({
  count: u64,
  missing: u64,
  sum: decimal(16),
  sum_squares: decimal(16),
  bins: array(32, u64),
});

/** What is claimed of every table. */
export const claims: Encoder = list(
  64,
  struct({
    k: u32,
    diversity: list(32, struct({ column: u32, l: u32, order: named(["tail", "any"]) })),
    charts: list(
      256,
      struct({
        column: u32,
        form: choice({ small: null, wide: struct({ step: u64 }) }),
        totals: summary,
        blinders: array(3, element),
      }),
    ),
  }),
);

/** Two capital letters without a length in front, so that other texts would have the bytes of others. */
const country: Encoder = (value, at) => {
  if (typeof value !== "string" || !/^[A-Z]{2}$/.test(value)) {
    throw new Refused("encoding", `${at}: expected the two capital letters of a country`);
  }
  return new TextEncoder().encode(value);
};

const mondo = numbered({ MONDO: 0 });
const clause = struct({
  code: numbered({ DUO: 0, GALEN: 10_000_000 }),
  parameter: option(
    choice({
      diseases: list(16, mondo),
      countries: list(32, country),
      months: u32,
      day,
      institution: text,
      project: text,
      users: text,
      research: text,
    }),
  ),
});

const purposeKind = named(["general", "health", "disease", "ancestry", "clinical_care"]);

/** A version of what is offered. */
export const offer: Encoder = struct({
  terms: struct({ clauses: list(24, clause), licence_text: id, review_ms: option(u64), review_all: bool }),
  tiers: list(
    8,
    struct({
      name: text,
      purposes: list(16, purposeKind),
      price: money,
      licence_months: u32,
      seats: struct({ included: u32, extra: amount, most: u32 }),
      subscription: option(struct({ months: u32, price: amount })),
    }),
  ),
  shares: list(16, struct({ payee: choice({ account: id, listing: listingId }), basis_points: u16 })),
  royalty: u16,
  max_licences: option(u32),
  max_undelivered: u32,
  locations: list(4, text),
  declared: struct({
    diseases: list(16, mondo),
    columns: list(128, struct({ table: u32, column: u32, code: text })),
  }),
});

const purpose = struct({
  kind: purposeKind,
  diseases: otherwise(list(16, mondo), []),
  commercial: bool,
  methods: bool,
  genetic: bool,
  project: text,
  undertakings: struct({
    publication: bool,
    collaboration: bool,
    return_of_results: bool,
    no_reidentification: bool,
    moratorium: option(day),
  }),
});

const finding = named([
  "permits",
  "other_purpose",
  "other_disease",
  "purpose_not_proven",
  "proven",
  "not_proven",
  "declared",
  "declared_otherwise",
  "undertaken",
  "not_undertaken",
  "by_licence",
  "for_review",
  "no_project",
  "unknown",
]);

const defect = named(["leaf", "cipher", "length", "claim", "dictionary", "cell"]);

/** A deal. */
export const deal: Encoder = struct({
  id,
  origin: tagged("by", {
    request: {},
    claim: { subscription: id, package: id, version: u32 },
    standing: { standing: id },
  }),
  listing: listingId,
  version: u32,
  tier: text,
  seats: u32,
  terms: id,
  price: money,
  purpose,
  decision: struct({
    outcome: named(["allowed", "needs_review", "refused"]),
    reasons: list(24, struct({ clause, finding })),
  }),
  refund: choice({ account: id }),
  delivery_key: element,
  auth_key: id,
  ready: bool,
  stage: named(["requested", "agreed", "ready", "verified", "finalized", "terminated"], 1),
  deadline_ms: option(u64),
  requested_ms: u64,
  bond: amount,
  envelope: option(struct({ ephemeral: element, ciphertext: element, proof: blob, delivered_ms: u64 })),
  termination: option(
    tagged("termination", {
      refused: { reason: text },
      not_reviewed: {},
      not_ready: {},
      no_seat: {},
      not_delivered: {},
      disputed: { segment: u64, defect },
      package_refunded: {},
      taken_down: {},
      terms_refuse: {},
    }),
  ),
});

/** A licence. */
export const licence: Encoder = struct({
  deal: id,
  listing: listingId,
  version: u32,
  tier: text,
  seats: u32,
  terms: id,
  text: id,
  purpose,
  holder: id,
  from_ms: u64,
  until_ms: u64,
  revoked_ms: option(u64),
});

/** A registered party. */
export const party: Encoder = struct({
  admission: choice({ institution: null, issuer: null, gateway: text }),
  name: text,
  url: text,
  standing: named(["active", "suspended"]),
  evidence: id,
  since_height: u64,
});
