//! The HTTP interface of a node: what is asked, what is answered, and a typed client.
//!
//! Everything is below [`PREFIX`]. Answers are JSON, but for the parts of a package, which are bytes
//! and can be fetched by range. An answer that is not a success is an [`ErrorBody`] whose code stays
//! the same from version to version. Depends on `galen-market` for the types of the ledger, and
//! neither on the engine nor on the server.
//!
//! | method, path | asks for | answer |
//! |---|---|---|
//! | GET `status` | how the node is | [`Status`] |
//! | GET `genesis` | what the ledger started from | [`galen_market::genesis::Genesis`] |
//! | GET `parameters` | the numbers of the protocol | [`galen_market::genesis::Parameters`] |
//! | GET `verifying-keys` | with what proofs are verified | [`VerifyingKeys`] |
//! | POST `transactions` | hand in canonical bytes | [`Submitted`], status 202 |
//! | POST `transactions/dry-run` | what would canonical bytes do now? | [`galen_market::ledger::Receipt`] |
//! | GET `transactions/{id}?wait_ms=` | what became of it? | [`TransactionState`] |
//! | GET `blocks/{height}` | a decided block | [`BlockView`] |
//! | GET `headers/{height}` | header, certificate and validators of a block | [`galen_light::LightBlock`] |
//! | GET `proofs?key=` | proofs of at most 16 keys of the present state, in hex with commas | [`Proofs`] |
//! | GET `events/{height}/{index}` | proof that something happened | [`EventProofView`] |
//! | GET `events/stream?account=&deal=&listing=&after=` | events as they happen | server-sent [`Happened`] |
//! | GET `openapi.json` | this interface, and the formats beside it | OpenAPI 3.1 |
//! | GET `accounts/{account}` | an account | [`AccountView`] |
//! | GET `accounts/{account}/movements?after=&until=&limit=` | movements of its money | [`Page`] of [`Happened`] |
//! | GET `parties/{role}?after=&limit=` | registered parties of a role | [`Page`] of [`PartyView`] |
//! | GET `issuers?after=&limit=` | issuers with their roots | [`Page`] of [`IssuerView`] |
//! | GET `issuers/{account}/leaves?first=&limit=` | part of an issuer's leaf list | [`Leaves`] |
//! | GET `listings?…` | listings, see [`ListingFilter`] | [`Page`] of [`ListingSummary`] |
//! | GET `listings/{institution}/{package}` | one listing | [`ListingView`] |
//! | GET `listings/{institution}/{package}/proofs/{table}/{block}` | the proofs of a row block | [`BlockProof`] |
//! | GET `listings/{institution}/{package}/deals?after=&limit=` | its deals | [`Page`] of [`galen_market::deal::Deal`] |
//! | GET `listings/{institution}/{package}/history?after=&limit=` | what happened to it | [`Page`] of [`HistoryEntry`] |
//! | GET `listings/{institution}/{package}/lineage` | what it comes from and what comes from it | [`LineageGraph`] |
//! | GET `institutions/{account}/deals/{stage}?after=&limit=` | what an agent serves | [`Page`] of [`galen_market::deal::Deal`] |
//! | GET `deals?after=&limit=` | all deals, for a wallet that looks for its own | [`Page`] of [`galen_market::deal::Deal`] |
//! | GET `deals/{id}` | a deal | [`DealView`] |
//! | GET `deals/{id}/events?after=&until=&limit=` | what happened in it | [`Page`] of [`Happened`] |
//! | GET `deals/{id}/receipt` | its receipt | [`DealReceipt`] |
//! | GET `licences/{deal}` | a licence | [`LicenceView`] |
//! | GET `packages/{package}/{part}` | a part of a package, ranges allowed | bytes |
//! | PUT `packages/{package}/{part}?institution=` | store a part of a listed package | [`Stored`] |
//! | GET `listings/{institution}/{package}/terms.odrl` | the offer as an ODRL policy, see [`odrl`] | JSON-LD |
//! | GET `subscriptions/{deal}` | the subscription that a deal began | [`SubscriptionView`] |
//! | GET `texts/{hash}` | a licence's text by its SHA-256 | text |
//! | PUT `texts/{hash}?institution=&package=` | keep the text that a listing offers under | [`StoredText`] |

mod client;
pub mod odrl;
pub mod printable;
pub mod records;
pub mod story;
mod types;
pub mod words;

pub use client::{Client, ClientError, DEFAULT_TIMEOUT};
pub use records::*;
pub use types::*;

/// Where the interface begins.
pub const PREFIX: &str = "/api/v1";
/// Most items of one page.
pub const MAX_PAGE: usize = 500;
/// Most leaves of one answer.
pub const MAX_LEAVES: usize = 10_000;
/// Most bytes of a licence's text.
pub const MAX_LICENCE_BYTES: u64 = 256 << 10;
/// Longest wait of one question about a transaction, in milliseconds.
pub const MAX_WAIT_MS: u64 = 20_000;
