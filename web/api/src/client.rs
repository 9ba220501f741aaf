//! A blocking client. Every answer is bounded in length and in time.

mod packages;
mod records;

use std::time::{Duration, Instant};

use galen_market::deal::{Deal, Stage};
use galen_market::genesis::{Genesis, Parameters};
use galen_market::id::{AccountId, DealId, StandingId, TransactionId};
use galen_market::ledger::Receipt;
use galen_market::listing::ListingId;
use galen_market::role::Role;
use galen_zk::field::Scalar;
use serde::de::DeserializeOwned;

use crate::types::{
    AccountView, BlockProof, BlockView, DealView, ErrorBody, IssuerView, Leaves, LicenceView,
    ListingFilter, ListingSummary, ListingView, Page, PartyView, StandingView, Status, Submitted,
    SubscriptionView, TransactionState, VerifyingKeys, stage_name,
};
use crate::{MAX_LEAVES, MAX_PAGE, MAX_WAIT_MS, PREFIX};

/// Time for one question and its answer, downloads and uploads aside.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two questions, the first of which was not answered.
const PAUSE: Duration = Duration::from_millis(500);
/// Most bytes of a JSON answer.
const MAX_JSON_BYTES: u64 = 32 << 20;
/// Most bytes of an error's answer.
const MAX_ERROR_BYTES: u64 = 64 << 10;
/// How often a leaf list that changed meanwhile is fetched anew.
const LEAF_ATTEMPTS: usize = 8;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one.
    #[error("{0:?} is not the address of a node: expected http://host:port or https://host")]
    Address(String),
    /// Nothing answers.
    #[error("the node at {node} cannot be reached: {reason}")]
    Unreachable {
        /// Which node.
        node: String,
        /// Why.
        reason: String,
    },
    /// The node answers, and says no.
    #[error("{}", .body.message)]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it says.
        body: ErrorBody,
    },
    /// The answer is not one of this interface.
    #[error("{node} does not answer like a node of this version: {what}")]
    Answer {
        /// Which node.
        node: String,
        /// What is wrong with it.
        what: String,
    },
    /// The transaction did not become final in time; it may still.
    #[error("transaction {0} is not final yet")]
    Pending(TransactionId),
    /// The node gave the transaction up.
    #[error("transaction {id} was given up: {reason}")]
    Dropped {
        /// Which transaction.
        id: TransactionId,
        /// Why.
        reason: String,
    },
    /// A local file or stream failed.
    #[error("{0}")]
    Local(std::io::Error),
}

impl ClientError {
    /// Whether the same question may be answered later: nothing answers, or what does is busy, broken,
    /// or a proxy. It says nothing about what became of a transaction that was handed in.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Answer { .. } => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Address(_) | Self::Pending(_) | Self::Dropped { .. } | Self::Local(_) => false,
        }
    }

    /// The stable code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { body, .. } => Some(&body.code),
            _ => None,
        }
    }

    /// Whether the node says that there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Speaks to one node.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    node: String,
}

type Response = ureq::http::Response<ureq::Body>;

impl Client {
    /// A client of the node at an address such as `http://127.0.0.1:4850`.
    ///
    /// # Errors
    /// [`ClientError::Address`].
    pub fn new(node: &str) -> Result<Self, ClientError> {
        Self::with_timeout(node, DEFAULT_TIMEOUT)
    }

    /// A client that waits so long for each answer.
    ///
    /// # Errors
    /// [`ClientError::Address`].
    pub fn with_timeout(node: &str, timeout: Duration) -> Result<Self, ClientError> {
        let node = node.trim_end_matches('/');
        let wrong = || ClientError::Address(node.to_owned());
        let uri: ureq::http::Uri = node.parse().map_err(|_| wrong())?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if !known || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(wrong());
        }
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(timeout.min(Duration::from_secs(5))))
            .timeout_recv_response(Some(timeout.saturating_add(Duration::from_millis(MAX_WAIT_MS))))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("galen/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent(), node: node.to_owned() })
    }

    /// The node's address.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    // ---- The ledger ----

    /// How the node is.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub fn status(&self) -> Result<Status, ClientError> {
        self.get("status")
    }

    /// What the ledger started from.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn genesis(&self) -> Result<Genesis, ClientError> {
        self.get("genesis")
    }

    /// Parameters in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn parameters(&self) -> Result<Parameters, ClientError> {
        self.get("parameters")
    }

    /// Hands a transaction in. Handing it in twice has one effect.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn submit(&self, bytes: &[u8]) -> Result<Submitted, ClientError> {
        self.post("transactions", bytes)
    }

    /// What a transaction would do now. Changes nothing.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::Refused`] names the rule that it would break.
    pub fn dry_run(&self, bytes: &[u8]) -> Result<Receipt, ClientError> {
        self.post("transactions/dry-run", bytes)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn transaction(&self, id: &TransactionId) -> Result<TransactionState, ClientError> {
        self.get(&format!("transactions/{id}"))
    }

    /// Waits until a transaction is final, and returns its height and receipt. A node that is not
    /// there, is busy, or stands behind a proxy that says so, is asked again.
    ///
    /// # Errors
    /// [`ClientError::Pending`] after `timeout`, [`ClientError::Dropped`], and as every question.
    pub fn wait_final(
        &self,
        id: &TransactionId,
        timeout: Duration,
    ) -> Result<(u64, Option<Receipt>), ClientError> {
        let started = Instant::now();
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            let wait = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).min(MAX_WAIT_MS / 2);
            let state = match self.get(&format!("transactions/{id}?wait_ms={wait}")) {
                // It was handed in: what one answer lacks, a later one may have.
                Err(error) if error.is_passing() => {
                    if left.is_zero() {
                        return Err(ClientError::Pending(*id));
                    }
                    std::thread::sleep(left.min(PAUSE));
                    continue;
                }
                answer => answer?,
            };
            match state {
                TransactionState::Final { height, receipt, .. } => return Ok((height, receipt)),
                TransactionState::Dropped { reason } => {
                    return Err(ClientError::Dropped { id: *id, reason });
                }
                TransactionState::Pending | TransactionState::Unknown if left.is_zero() => {
                    return Err(ClientError::Pending(*id));
                }
                TransactionState::Pending => {}
                TransactionState::Unknown => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// A decided block.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn block(&self, height: u64) -> Result<BlockView, ClientError> {
        self.get(&format!("blocks/{height}"))
    }

    /// An account; one that was never used is empty.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn account(&self, account: &AccountId) -> Result<AccountView, ClientError> {
        self.get(&format!("accounts/{account}"))
    }

    /// All registered parties of a role.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn parties(&self, role: Role) -> Result<Vec<PartyView>, ClientError> {
        self.pages(&format!("parties/{role}"))
    }

    // ---- Standing requests ----

    /// A standing request, an ended one too.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn standing(&self, id: &StandingId) -> Result<StandingView, ClientError> {
        self.get(&format!("standing/{id}"))
    }

    /// All standing requests that wait for a listing, the oldest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn standings(&self) -> Result<Vec<StandingView>, ClientError> {
        self.pages("standing")
    }

    // ---- Issuers ----

    /// All issuers.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn issuers(&self) -> Result<Vec<IssuerView>, ClientError> {
        self.pages("issuers")
    }

    /// The whole leaf list of an issuer with its root, all of one height.
    ///
    /// # Errors
    /// See [`ClientError`]. That the leaves hash to the root is for the caller to check.
    pub fn leaves(&self, issuer: &AccountId) -> Result<(Scalar, Vec<Scalar>), ClientError> {
        'anew: for _ in 0..LEAF_ATTEMPTS {
            let mut list: Vec<Scalar> = Vec::new();
            let mut of = None;
            loop {
                let path =
                    format!("issuers/{issuer}/leaves?first={}&limit={MAX_LEAVES}", list.len());
                let part: Leaves = self.get(&path)?;
                // A leaf list only grows or loses leaves with its root, so equal roots are one list.
                if *of.get_or_insert((part.root, part.total)) != (part.root, part.total) {
                    continue 'anew;
                }
                let empty = part.leaves.is_empty();
                list.extend(part.leaves);
                if list.len() as u64 >= part.total {
                    return Ok((part.root, list));
                }
                if empty {
                    return Err(self.strange("a leaf list that stops before its end"));
                }
            }
        }
        Err(self.strange("a leaf list that never stands still"))
    }

    // ---- Listings and deals ----

    /// One page of listings.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn listings(&self, filter: &ListingFilter) -> Result<Page<ListingSummary>, ClientError> {
        let mut pairs = Vec::new();
        let value =
            serde_json::to_value(filter).map_err(|error| self.strange(error.to_string()))?;
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            pairs.push(format!("{name}={}", escape(&text)));
        }
        self.get(&format!("listings?{}", pairs.join("&")))
    }

    /// One listing.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn listing(&self, id: &ListingId) -> Result<ListingView, ClientError> {
        self.get(&format!("listings/{}/{}", id.institution, id.package))
    }

    /// The proofs of a row block of a listing. Nothing of them is checked yet.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn block_proof(
        &self,
        id: &ListingId,
        table: u32,
        block: u32,
    ) -> Result<BlockProof, ClientError> {
        let ListingId { institution, package } = id;
        self.get(&format!("listings/{institution}/{package}/proofs/{table}/{block}"))
    }

    /// With what the node says that proofs are verified.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn verifying_keys(&self) -> Result<VerifyingKeys, ClientError> {
        self.get("verifying-keys")
    }

    /// All deals of a listing.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn deals_of_listing(&self, id: &ListingId) -> Result<Vec<Deal>, ClientError> {
        self.pages(&format!("listings/{}/{}/deals", id.institution, id.package))
    }

    /// All deals of an institution at a stage.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn deals_of_institution(
        &self,
        institution: &AccountId,
        stage: Stage,
    ) -> Result<Vec<Deal>, ClientError> {
        self.pages(&format!("institutions/{institution}/deals/{}", stage_name(stage)))
    }

    /// All deals of the ledger: what a restored wallet looks through, so that the node does not learn
    /// which are its own.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn deals(&self) -> Result<Vec<Deal>, ClientError> {
        self.pages("deals")
    }

    /// A deal.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn deal(&self, id: &DealId) -> Result<DealView, ClientError> {
        self.get(&format!("deals/{id}"))
    }

    /// The subscription that a deal began.
    ///
    /// # Errors
    /// See [`ClientError`]; not found if the deal began none.
    pub fn subscription(&self, deal: &DealId) -> Result<SubscriptionView, ClientError> {
        self.get(&format!("subscriptions/{deal}"))
    }

    /// The licence of a deal.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn licence(&self, deal: &DealId) -> Result<LicenceView, ClientError> {
        self.get(&format!("licences/{deal}"))
    }

    // ---- Inside ----

    fn url(&self, path: &str) -> String {
        format!("{}{PREFIX}/{path}", self.node)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.call(self.agent.get(self.url(path)).call())?;
        self.json(response)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, ClientError> {
        let request =
            self.agent.post(self.url(path)).header("content-type", "application/octet-stream");
        let response = self.call(request.send(bytes))?;
        self.json(response)
    }

    fn pages<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let from =
                after.as_ref().map(|after| format!("&after={}", escape(after))).unwrap_or_default();
            let page: Page<T> = self.get(&format!("{path}?limit={MAX_PAGE}{from}"))?;
            if page.items.len() > MAX_PAGE {
                return Err(self.strange("a page that is too long"));
            }
            all.extend(page.items);
            if page.next.is_none() {
                return Ok(all);
            }
            if page.next == after {
                return Err(self.strange("a list without end"));
            }
            after = page.next;
        }
    }

    fn json<T: DeserializeOwned>(&self, mut response: Response) -> Result<T, ClientError> {
        let bytes = response
            .body_mut()
            .with_config()
            .limit(MAX_JSON_BYTES)
            .read_to_vec()
            .map_err(|error| self.failed(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| self.strange(error.to_string()))
    }

    fn call(&self, answer: Result<Response, ureq::Error>) -> Result<Response, ClientError> {
        let mut response = answer.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let bytes = response
            .body_mut()
            .with_config()
            .limit(MAX_ERROR_BYTES)
            .read_to_vec()
            .unwrap_or_default();
        match serde_json::from_slice(&bytes) {
            Ok(body) => Err(ClientError::Refused { status, body }),
            Err(_) => Err(self.strange(format!("status {status} without a reason"))),
        }
    }

    fn failed(&self, error: &ureq::Error) -> ClientError {
        match error {
            ureq::Error::BodyExceedsLimit(limit) => {
                self.strange(format!("an answer of more than {limit} bytes"))
            }
            error => {
                ClientError::Unreachable { node: self.node.clone(), reason: error.to_string() }
            }
        }
    }

    fn strange(&self, what: impl Into<String>) -> ClientError {
        ClientError::Answer { node: self.node.clone(), what: what.into() }
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
