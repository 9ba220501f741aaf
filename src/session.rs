//! One conversation with a node: what its ledger is, and transactions that are built, signed, tried
//! or sent, and waited for. Every write of the command line, the agent and the demonstration goes
//! through here, so that dry runs, fees, expiries and refusals are the same everywhere.
//!
//! Depends on the typed client and the wallet; prints nothing.

use std::time::Duration;

use galen_api::{Client, ClientError, ErrorBody, Status, codes};
use galen_market::action::Action;
use galen_market::amount::{Amount, Asset, Currency};
use galen_market::codec::Bounded;
use galen_market::fee::{Fee, FeePayer};
use galen_market::genesis::{Genesis, GenesisCurrency, Network, Parameters};
use galen_market::id::{AccountId, ChainId, Signature, TransactionId};
use galen_market::identity::presentation::Presentation;
use galen_market::ledger::Receipt;
use galen_market::transaction::{
    AccountSignature, Authorization, KeySignature, NO_EXPIRY, QUESTION, Transaction,
};
use serde::Serialize;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::refused;
use crate::wallet::derive::AccountKey;

/// How long a transaction may wait for its block, unless the ledger allows less.
const EXPIRY_MS: u64 = 10 * 60 * 1000;
/// How long a command waits for its transaction to become final.
pub(crate) const FINAL_TIMEOUT: Duration = Duration::from_secs(90);
/// Bytes that a credential adds to a transaction, at most, and its verification units.
const CREDENTIAL_BYTES: usize = 4096;
const CREDENTIAL_UNITS: u64 = 20;
/// How often a transaction is built anew because another one took its nonce.
const NONCE_ATTEMPTS: usize = 4;

/// A node, and the ledger that it serves.
#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    genesis: Genesis,
    chain: ChainId,
    dry_run: bool,
}

/// What a transaction did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Done {
    /// Its name.
    pub transaction: TransactionId,
    /// The height of its block; none if it was only tried.
    pub height: Option<u64>,
    /// Fee and events. A node that has pruned its receipts has none.
    pub receipt: Option<Receipt>,
}

impl Done {
    /// Whether nothing was sent.
    pub fn is_dry_run(&self) -> bool {
        self.height.is_none()
    }

    /// In a sentence.
    pub fn sentence(&self, what: &str) -> String {
        let fee = self
            .receipt
            .as_ref()
            .map(|receipt| format!(", fee {}", receipt.fee))
            .unwrap_or_default();
        match self.height {
            Some(height) => {
                format!("{what}: final in block {height}{fee}, transaction {}", self.transaction)
            }
            None => format!("{what}: would be accepted now{fee}; nothing was sent"),
        }
    }
}

/// Makes the credential of a transaction, whose message is complete by then.
pub type Present<'a> = &'a dyn Fn(&Transaction) -> Result<Presentation, Failure>;

/// What goes into a transaction.
pub struct Draft<'a> {
    /// What it does.
    pub actions: Vec<Action>,
    /// Accounts that sign.
    pub signers: Vec<&'a AccountKey>,
    /// Who pays; the first signer if not given.
    pub payer: Option<FeePayer>,
    /// In which currency; if not given, one that the payer has.
    pub currency: Option<Currency>,
    /// The deal's one-time key.
    pub deal_key: Option<&'a AccountKey>,
    /// Shows a credential.
    pub credential: Option<Present<'a>>,
    /// Good until its deal's deadline; for a lone delivery.
    pub no_expiry: bool,
}

impl<'a> Draft<'a> {
    /// A transaction that accounts sign.
    pub fn new(actions: Vec<Action>, signers: Vec<&'a AccountKey>) -> Self {
        Self {
            actions,
            signers,
            payer: None,
            currency: None,
            deal_key: None,
            credential: None,
            no_expiry: false,
        }
    }

    /// Lets the account or deal pay, in a currency.
    #[must_use]
    pub fn paid_by(mut self, payer: FeePayer, currency: Currency) -> Self {
        self.payer = Some(payer);
        self.currency = Some(currency);
        self
    }

    /// Signs with a deal's one-time key.
    #[must_use]
    pub fn with_deal_key(mut self, key: &'a AccountKey) -> Self {
        self.deal_key = Some(key);
        self
    }

    /// Shows a credential.
    #[must_use]
    pub fn showing(mut self, credential: Present<'a>) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Drops the expiry.
    #[must_use]
    pub fn without_expiry(mut self) -> Self {
        self.no_expiry = true;
        self
    }
}

/// The account of a key.
pub fn account_of(key: &AccountKey) -> AccountId {
    AccountId(key.public())
}

impl Session {
    /// Asks the node that a command names.
    ///
    /// # Errors
    /// When it cannot be reached, or serves another ledger than it says.
    pub fn open(context: &Context) -> Result<Self, Failure> {
        Self::connect(&context.node, context.dry_run)
    }

    /// Asks a node.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn connect(node: &str, dry_run: bool) -> Result<Self, Failure> {
        let client = Client::new(node)?;
        let (status, genesis) = (client.status()?, client.genesis()?);
        let chain = genesis.chain();
        if status.chain_id != chain {
            return Err(Failure::new(
                Exit::Failure,
                "node.other_ledger",
                format!(
                    "{node} says that it serves ledger {}, and its genesis is that of {chain}",
                    status.chain_id
                ),
            )
            .remedy("use another node"));
        }
        Ok(Self { client, genesis, chain, dry_run })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The ledger's name for programs.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// What the ledger started from.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The numbers of the protocol.
    pub fn parameters(&self) -> &Parameters {
        &self.genesis.parameters
    }

    /// Whether anybody can forge proofs on this ledger.
    pub fn is_forgeable(&self) -> bool {
        self.genesis.network == Network::Development
    }

    /// Whether writes are only tried.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// How the node is, now.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn status(&self) -> Result<Status, Failure> {
        Ok(self.client.status()?)
    }

    /// A currency of this ledger.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn currency(&self, currency: &Currency) -> Result<&GenesisCurrency, Failure> {
        let known = &self.genesis.currencies;
        known.iter().find(|info| info.currency == *currency).ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|info| info.currency.as_str()).collect();
            Failure::new(
                Exit::Usage,
                "currency.unknown",
                format!("there is no currency {currency} on this ledger"),
            )
            .remedy(format!("use one of {}", names.join(", ")))
        })
    }

    /// What an account holds freely of a currency.
    ///
    /// # Errors
    /// When the node cannot be reached.
    pub fn balance(&self, account: &AccountId, currency: &Currency) -> Result<Amount, Failure> {
        let asset = Asset::Currency(currency.clone());
        let view = self.client.account(account)?;
        Ok(view
            .balances
            .iter()
            .find(|held| held.asset == asset)
            .map(|held| held.amount)
            .unwrap_or_default())
    }

    /// Builds, signs, and tries or sends a transaction that accounts sign, and waits until it is
    /// final. The first signer pays.
    ///
    /// # Errors
    /// What the node refuses, with its rule; or that it cannot be reached.
    pub fn transact(&self, actions: Vec<Action>, signers: &[&AccountKey]) -> Result<Done, Failure> {
        self.run(&Draft::new(actions, signers.to_vec()))
    }

    /// Builds, signs, and tries or sends a transaction, and waits until it is final.
    ///
    /// # Errors
    /// As [`Session::transact`].
    pub fn run(&self, draft: &Draft<'_>) -> Result<Done, Failure> {
        let mut attempt = 1;
        loop {
            let transaction = self.build(draft)?;
            match self.finish(&transaction) {
                // Another transaction of the same account came first.
                Err(failure)
                    if matches!(failure.code(), "ledger.nonce_used" | "ledger.nonce_gap")
                        && attempt < NONCE_ATTEMPTS =>
                {
                    attempt += 1;
                    std::thread::sleep(Duration::from_millis(200));
                }
                done => return done,
            }
        }
    }

    /// A signed transaction, not sent. Sending its bytes twice has one effect.
    ///
    /// # Errors
    /// When a nonce cannot be asked for, there is nobody to pay, or the credential cannot be shown.
    pub fn build(&self, draft: &Draft<'_>) -> Result<Transaction, Failure> {
        let accounts: Vec<AccountId> = draft.signers.iter().map(|key| account_of(key)).collect();
        let mut transaction = self.unsigned(draft, &accounts)?;
        // A credential's proof speaks of the keys that sign beside it.
        transaction.authorization.deal_key = draft
            .deal_key
            .map(|key| KeySignature { key: account_of(key), signature: Signature([0; 64]) });
        if let Some(present) = draft.credential {
            transaction.authorization.credential = Some(present(&transaction)?);
        }
        for key in &draft.signers {
            sign(&mut transaction, key);
        }
        if let Some(key) = draft.deal_key {
            let signature = Signature(key.signing().sign(&transaction.signing_hash().0).to_bytes());
            transaction.authorization.deal_key =
                Some(KeySignature { key: account_of(key), signature });
        }
        Ok(transaction)
    }

    /// A transaction with a place for the signature of each account, which [`sign`] fills.
    ///
    /// # Errors
    /// As [`Session::build`].
    pub fn unsigned(
        &self,
        draft: &Draft<'_>,
        accounts: &[AccountId],
    ) -> Result<Transaction, Failure> {
        let views = accounts
            .iter()
            .map(|account| self.client.account(account))
            .collect::<Result<Vec<_>, ClientError>>()?;
        let slots = views
            .iter()
            .map(|view| AccountSignature {
                account: view.account,
                nonce: view.nonce,
                signature: Signature([0; 64]),
            })
            .collect();
        let payer =
            draft.payer.or_else(|| accounts.first().map(|account| FeePayer::Account(*account)));
        let payer =
            payer.ok_or_else(|| Failure::usage("a transaction needs somebody who pays its fee"))?;
        let held = |info: &&GenesisCurrency| {
            let asset = Asset::Currency(info.currency.clone());
            views.first().is_some_and(|view| {
                view.balances.iter().any(|b| b.asset == asset && !b.amount.is_zero())
            })
        };
        let currencies = &self.genesis.currencies;
        let info =
            match &draft.currency {
                Some(currency) => self.currency(currency)?,
                None => currencies.iter().find(held).or_else(|| currencies.first()).ok_or_else(
                    || Failure::new(Exit::Failure, "node.genesis", "the ledger has no currency"),
                )?,
            };
        let expiry_ms = if self.dry_run {
            // Whoever sees it, the node first of all, could execute it otherwise.
            QUESTION
        } else if draft.no_expiry {
            NO_EXPIRY
        } else {
            let status = self.status()?;
            let window = EXPIRY_MS.min(self.parameters().max_expiry_ms / 2);
            status.time_ms.max(status.clock_ms).saturating_add(window)
        };
        let deal_key = draft
            .deal_key
            .map(|key| KeySignature { key: account_of(key), signature: Signature([0; 64]) });
        let too_many =
            |what| move |_| Failure::usage(format!("a transaction has room for fewer {what}"));
        let mut transaction = Transaction {
            chain: self.chain,
            actions: Bounded::new(draft.actions.clone()).map_err(too_many("actions"))?,
            expiry_ms,
            fee: Fee { payer, currency: info.currency.clone(), limit: Amount::ZERO },
            authorization: Authorization {
                accounts: Bounded::new(slots).map_err(too_many("signatures"))?,
                deal_key,
                credential: None,
            },
        };
        // Amounts have a fixed length, so the limit does not change the size.
        let (mut bytes, mut units) = (transaction.encode().len(), transaction.units());
        if draft.credential.is_some() {
            bytes = bytes.saturating_add(CREDENTIAL_BYTES);
            units = units.saturating_add(CREDENTIAL_UNITS);
        }
        transaction.fee.limit = info.fees.fee(bytes, units).map_err(|error| {
            Failure::new(Exit::RefusedByLedger, "ledger.fee", error.to_string())
        })?;
        Ok(transaction)
    }

    /// Tries or sends a signed transaction and waits until it is final.
    ///
    /// # Errors
    /// As [`Session::transact`].
    pub fn finish(&self, transaction: &Transaction) -> Result<Done, Failure> {
        let (id, bytes) = (transaction.id(), transaction.encode());
        if self.dry_run {
            let receipt = self.client.dry_run(&bytes)?;
            return Ok(Done { transaction: id, height: None, receipt: Some(receipt) });
        }
        // Only a node that read the transaction can refuse it. After any other answer it may be on its
        // way, so that nobody may throw away what it needs.
        let unknown = |error: ClientError| match &error {
            ClientError::Answer { .. } => ClientError::Pending(id),
            ClientError::Refused { status, body } if *status >= 500 && !is_busy(*status, body) => {
                ClientError::Pending(id)
            }
            _ => error,
        };
        let submitted = self.client.submit(&bytes).map_err(unknown)?;
        if submitted.id != id {
            return Err(Failure::new(
                Exit::Unreachable,
                "node.answer",
                "the node answered about another transaction",
            )
            .remedy("use a node of the same version"));
        }
        let pending = |error: ClientError| match error {
            ClientError::Dropped { .. } => error,
            _ => ClientError::Pending(id),
        };
        let (height, receipt) = self.client.wait_final(&id, FINAL_TIMEOUT).map_err(pending)?;
        Ok(Done { transaction: id, height: Some(height), receipt })
    }
}

/// Puts a key's signature in its place; false if it has none.
pub fn sign(transaction: &mut Transaction, key: &AccountKey) -> bool {
    let hash = transaction.signing_hash();
    let account = account_of(key);
    let mut slots = std::mem::take(&mut transaction.authorization.accounts).into_vec();
    let slot = slots.iter_mut().find(|slot| slot.account == account);
    let found = slot.is_some();
    if let Some(slot) = slot {
        slot.signature = Signature(key.signing().sign(&hash.0).to_bytes());
    }
    transaction.authorization.accounts = Bounded::new(slots).expect("as many as before");
    found
}

/// Whether a node says that it took nothing in, and that it may later.
fn is_busy(status: u16, body: &ErrorBody) -> bool {
    status == 429 || [codes::MEMPOOL_FULL, codes::UNAVAILABLE].contains(&body.code.as_str())
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Address(_) => Self::new(Exit::Usage, "node.address", message)
                .remedy("give --node an address such as http://127.0.0.1:4850"),
            ClientError::Unreachable { .. } => Self::new(Exit::Unreachable, "node.unreachable", message)
                .remedy("start a node with `galen node run`, or name another with --node or GALEN_NODE"),
            ClientError::Refused { status, body } => match body.code.as_str() {
                _ if is_busy(status, &body) => Self::new(Exit::Unreachable, "node.busy", body.message)
                    .remedy(body.remedy.unwrap_or_else(|| "try again in a moment, or use another node".to_owned())),
                codes::NOT_FOUND => Self::new(Exit::Failure, "not_found", body.message)
                    .remedy(body.remedy.unwrap_or_else(|| "check the name; the node may also be behind".to_owned())),
                codes::NOT_THE_PACKAGE => Self::new(Exit::Input, "package.refused", body.message)
                    .remedy(body.remedy.unwrap_or_else(|| "check the folder with `galen dataset verify`".to_owned())),
                codes::BAD_REQUEST
                | codes::BODY_TOO_LARGE
                | codes::LENGTH_REQUIRED
                | codes::METHOD_NOT_ALLOWED
                | codes::RANGE
                | codes::PART_MISSING
                | codes::UPLOAD_BUSY => {
                    let failure = Self::new(Exit::Failure, format!("node.{}", body.code), body.message);
                    match body.remedy {
                        Some(remedy) => failure.remedy(remedy),
                        None => failure,
                    }
                }
                _ => refused(&body.code, &body.message, body.remedy.as_deref()),
            },
            ClientError::Answer { .. } => Self::new(Exit::Failure, "node.answer", message)
                .remedy("check the address, and that node and command have the same version"),
            ClientError::Pending(id) => Self::new(Exit::Unreachable, "node.pending", message)
                .remedy(format!("it may still become final; look with `galen node transaction {id}` before repeating")),
            ClientError::Dropped { .. } => Self::new(Exit::RefusedByLedger, "ledger.dropped", message)
                .remedy("nothing was changed; correct the reason and repeat"),
            ClientError::Local(_) => Self::new(Exit::Failure, "file.io", message)
                .remedy("check free space and permissions"),
        }
    }
}
