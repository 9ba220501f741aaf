//! A ledger in memory with parties, blocks and time, for tests. Proofs are real, under development
//! parameters. Every block is followed by a check of all invariants, which panics with what does
//! not hold.

mod books;
mod package;
mod party;
mod standing;
mod table;
mod trusted;
mod unproven;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use galen_zk::field::Scalar;
use galen_zk::keys::{Prover, Verifier};
use galen_zk::point::JubPoint;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

pub use package::{Buyer, FilePackage, change_tier, deal_of};
pub use party::{Researcher, Signing, Wallet};
pub use standing::standing_of;
pub use table::{K, TablePackage, Tamper, execute_as};

use crate::action::{Action, Admission, Admit, InsertCredentials, Mint};
use crate::amount::{Amount, Asset, Currency, Money};
use crate::codec::{Bounded, Text};
use crate::context::{Context, Frame};
use crate::error::TxError;
use crate::fee::FeeRates;
use crate::genesis::{
    Clock, Genesis, GenesisCurrency, GenesisValidator, Network, Parameters, Registrars,
};
use crate::id::{ConsensusKey, Digest};
use crate::ledger::{BlockContext, BlockError, CheckedTransaction, Executed, Ledger, Receipt};
use crate::payment::Purse;
use crate::state::{Changes, MemoryState};
use crate::state_key;
use crate::transaction::Transaction;

/// Time of the simulation's genesis: 2025-10-09, in milliseconds since 1970.
pub const GENESIS_MS: u64 = 1_760_000_000_000;
/// Milliseconds between two blocks unless a test says otherwise.
pub const STEP_MS: u64 = 1000;

/// The prover of all tests of a process. It keeps keys where the program does: in `$GALEN_PARAMS`, or
/// else in `~/.cache/galen/params`.
///
/// # Panics
/// When the embedded keys cannot be read.
pub fn prover() -> Arc<Prover> {
    static PROVER: OnceLock<Arc<Prover>> = OnceLock::new();
    let open = || {
        let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir);
        let directory = std::env::var_os("GALEN_PARAMS")
            .map_or_else(|| home().join(".cache/galen/params"), PathBuf::from);
        Arc::new(Prover::development(directory).expect("the embedded keys can be read"))
    };
    Arc::clone(PROVER.get_or_init(open))
}

/// The currency of tests.
///
/// # Panics
/// Never: the name is valid.
#[must_use]
pub fn eur() -> Currency {
    "EUR".parse().expect("three capital letters")
}

/// So many minor units of the currency of tests.
#[must_use]
pub fn euros(units: u64) -> Money {
    Money { currency: eur(), amount: Amount::new(units) }
}

/// A text.
///
/// # Panics
/// When it is too long or holds control characters.
#[must_use]
pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("a short clean text")
}

/// A ledger in memory.
pub struct Simulation {
    /// What the ledger started from.
    pub genesis: Genesis,
    /// Its rules.
    pub ledger: Ledger,
    /// Its state after the last block.
    pub state: MemoryState,
    /// The last block.
    pub head: BlockContext,
    /// Randomness, the same in every run.
    pub rng: ChaCha20Rng,
    /// The registrars, two of whom must sign.
    pub registrars: Vec<Wallet>,
    /// The gateway of the currency of tests.
    pub gateway: Wallet,
    /// The first validator.
    pub validator: Wallet,
    /// Every block since genesis.
    pub blocks: Vec<(BlockContext, Vec<CheckedTransaction>)>,
    nullifiers: BTreeSet<Scalar>,
    books: books::Books,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::with(|_| {})
    }
}

impl Simulation {
    /// A ledger whose genesis is the usual one after a change.
    ///
    /// # Panics
    /// When the genesis is not valid.
    pub fn with(change: impl FnOnce(&mut Genesis)) -> Self {
        let registrars: Vec<Wallet> =
            ["registrar a", "registrar b", "registrar c"].map(Wallet::new).into();
        let gateway = Wallet::new("gateway");
        let validator = Wallet::new("validator");
        let verifier = Verifier::development().expect("the embedded keys can be read");
        let mut genesis = Genesis {
            name: text("simulation"),
            network: Network::Development,
            proving_parameters: Digest(verifier.parameters_hash()),
            time_ms: GENESIS_MS,
            registrars: Registrars {
                threshold: 2,
                accounts: registrars.iter().map(Wallet::id).collect(),
            },
            currencies: vec![GenesisCurrency {
                currency: eur(),
                decimals: 2,
                fees: FeeRates::default(),
                gateway: gateway.id(),
                gateway_name: text("Test Bank"),
            }],
            validators: vec![GenesisValidator {
                account: validator.id(),
                consensus_key: ConsensusKey(Wallet::new("consensus").id().0),
                stake: Amount::new(1_000),
            }],
            stake: Vec::new(),
            opener: JubPoint::generator(),
            parameters: Parameters::default(),
        };
        change(&mut genesis);
        let ledger = Ledger::new(&genesis, verifier).expect("a valid genesis");
        let mut state = MemoryState::default();
        state.commit(genesis.changes().expect("a valid genesis"));
        let head = BlockContext { height: 0, time_ms: genesis.time_ms };
        let books = books::Books::begin(&state);
        Self {
            genesis,
            ledger,
            state,
            head,
            rng: ChaCha20Rng::seed_from_u64(7),
            registrars,
            gateway,
            validator,
            blocks: Vec::new(),
            nullifiers: BTreeSet::new(),
            books,
        }
    }

    // ---- Blocks and time ----

    /// Goes back to an earlier state and the block that it was the state after.
    pub fn rewind(&mut self, state: MemoryState, head: BlockContext) {
        self.books = books::Books::begin(&state);
        self.blocks.retain(|(block, _)| block.height <= head.height);
        (self.state, self.head) = (state, head);
    }

    /// Where a block stands that comes so many milliseconds after the last one.
    #[must_use]
    pub fn next(&self, after_ms: u64) -> BlockContext {
        BlockContext { height: self.head.height + 1, time_ms: self.head.time_ms + after_ms }
    }

    /// Executes and commits a block, and checks the invariants.
    ///
    /// # Errors
    /// When the ledger refuses the block; nothing is changed then.
    ///
    /// # Panics
    /// When an invariant does not hold.
    pub fn block_after(
        &mut self,
        after_ms: u64,
        transactions: &[CheckedTransaction],
    ) -> Result<Executed, BlockError> {
        let block = self.next(after_ms);
        let executed = self.ledger.execute_block(&self.state, &block, transactions)?;
        // I4: the same block on the same state changes the same.
        let again = self.ledger.execute_block(&self.state, &block, transactions)?;
        assert_eq!(executed, again, "I4: a block executed twice differs");
        self.state.commit(executed.changes.clone());
        self.books.follow(&executed.events, &self.state);
        self.head = block;
        self.blocks.push((block, transactions.to_vec()));
        for transaction in transactions {
            // I5, kept outside of the ledger's own state.
            if let Some(shown) = &transaction.transaction().authorization.credential {
                assert!(self.nullifiers.insert(shown.nullifier), "I5: a nullifier came twice");
            }
        }
        let found =
            crate::invariant::violations(&self.state).unwrap_or_else(|error| panic!("{error}"));
        assert!(found.is_empty(), "after block {}: {found:#?}", block.height);
        Ok(executed)
    }

    /// As [`Self::block_after`], the usual time after the last block.
    ///
    /// # Errors
    /// When the ledger refuses the block.
    pub fn block(&mut self, transactions: &[CheckedTransaction]) -> Result<Executed, BlockError> {
        self.block_after(STEP_MS, transactions)
    }

    /// Lets up-time pass in empty blocks, and gives all that happened. The last block comes exactly
    /// at the end.
    ///
    /// # Panics
    /// When an empty block fails.
    pub fn advance(&mut self, mut ms: u64) -> Executed {
        let mut all = Executed::default();
        while ms > 0 {
            let step = ms.min(self.genesis.parameters.max_idle_ms);
            let executed = self.block_after(step, &[]).expect("an empty block executes");
            all.events.extend(executed.events);
            ms -= step;
        }
        all
    }

    /// One block after a time in which the ledger stood still.
    ///
    /// # Panics
    /// When an empty block fails.
    pub fn stall(&mut self, ms: u64) -> Executed {
        self.block_after(ms, &[]).expect("an empty block executes")
    }

    /// Up-time so far, in milliseconds.
    #[must_use]
    pub fn uptime_ms(&self) -> u64 {
        self.clock().uptime_ms
    }

    fn clock(&self) -> Clock {
        self.read(&state_key::clock()).expect("genesis sets the clock")
    }

    /// Executes every block again from genesis and compares the state (I4).
    ///
    /// # Panics
    /// When they differ.
    pub fn replay(&self) {
        let mut state = MemoryState::default();
        state.commit(self.genesis.changes().expect("a valid genesis"));
        let verifier = Verifier::development().expect("the embedded keys can be read");
        let ledger = Ledger::new(&self.genesis, verifier).expect("a valid genesis");
        for (block, transactions) in &self.blocks {
            let executed = ledger.execute_block(&state, block, transactions).expect("as before");
            state.commit(executed.changes);
        }
        assert!(state == self.state, "I4: replay gives another state");
    }

    // ---- Transactions ----

    /// Checks a transaction without the state.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, transaction: &Transaction) -> Result<CheckedTransaction, TxError> {
        self.ledger.check(&transaction.encode())
    }

    /// Checks and admits a transaction, and puts it into a block of its own.
    ///
    /// # Errors
    /// The first rule that is broken; there is no block then.
    ///
    /// # Panics
    /// When the block refuses what was admitted.
    pub fn submit(&mut self, transaction: &Transaction) -> Result<Receipt, TxError> {
        let checked = self.check(transaction)?;
        self.ledger.admit(&self.state, &self.next(STEP_MS), &checked)?;
        let mut executed = self
            .block(&[checked])
            .unwrap_or_else(|error| panic!("what was admitted does not execute: {error}"));
        Ok(executed.receipts.remove(0))
    }

    /// Signs actions with accounts, the first of which pays the fee, and submits them.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn act(&mut self, actions: Vec<Action>, signers: &[&Wallet]) -> Result<Receipt, TxError> {
        let transaction = self.sign(actions, signers);
        self.submit(&transaction)
    }

    // ---- Parties ----

    /// A wallet whose account holds so many minor units of the currency of tests.
    ///
    /// # Panics
    /// When the gateway's transaction fails.
    pub fn funded(&mut self, name: &str, units: u64) -> Wallet {
        let wallet = Wallet::new(name);
        let gateway = self.gateway.clone();
        let mint = Mint { gateway: gateway.id(), to: wallet.id(), money: euros(units) };
        self.act(vec![Action::Mint(mint)], &[&gateway]).expect("the gateway makes money");
        wallet
    }

    /// What an account holds of the currency of tests.
    #[must_use]
    pub fn balance(&self, wallet: &Wallet) -> u64 {
        self.purse(&Purse::Account(wallet.id()))
    }

    /// What a purse holds of the currency of tests.
    #[must_use]
    pub fn purse(&self, purse: &Purse) -> u64 {
        self.read(&state_key::balance(purse, &Asset::Currency(eur()))).unwrap_or_default().units()
    }

    /// A value of the state.
    ///
    /// # Panics
    /// When the state holds something else.
    #[must_use]
    pub fn read<T: borsh::BorshDeserialize>(&self, key: &state_key::Key<T>) -> Option<T> {
        state_key::read(&self.state, key).expect("memory does not fail")
    }

    /// Has two registrars admit a party.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn admit(&mut self, wallet: &Wallet, admission: Admission) -> Result<Receipt, TxError> {
        let admit = Admit {
            account: wallet.id(),
            admission,
            name: text(wallet.name()),
            url: text(""),
            evidence: Digest([1; 32]),
        };
        let (a, b) = (self.registrars[0].clone(), self.registrars[1].clone());
        self.act(vec![Action::Admit(admit)], &[&a, &b])
    }

    /// An admitted issuer.
    ///
    /// # Panics
    /// When it is not admitted.
    pub fn issuer(&mut self, name: &str) -> Wallet {
        let wallet = Wallet::new(name);
        self.admit(&wallet, Admission::Issuer).expect("the registrars admit an issuer");
        wallet
    }

    /// An admitted institution with so many minor units in its account.
    ///
    /// # Panics
    /// When it is not admitted.
    pub fn institution(&mut self, name: &str, units: u64) -> Wallet {
        let wallet = self.funded(name, units);
        self.admit(&wallet, Admission::Institution).expect("the registrars admit an institution");
        wallet
    }

    /// Has an issuer insert a researcher's credential.
    ///
    /// # Panics
    /// When the issuer may not.
    pub fn enrol(&mut self, issuer: &Wallet, researcher: &mut Researcher) {
        let leaves = Bounded::new(vec![researcher.leaf()]).expect("one leaf");
        let insert = InsertCredentials { issuer: issuer.id(), leaves };
        self.act(vec![Action::InsertCredentials(insert)], &[issuer]).expect("an active issuer");
        researcher.enrolled_with(issuer.id());
    }

    /// Runs rules on a copy of the state, as a block would at this moment, and gives the changes.
    ///
    /// # Errors
    /// What the rules return.
    pub fn probe<T>(
        &self,
        rules: impl FnOnce(&mut Context<'_>) -> Result<T, TxError>,
    ) -> Result<(T, Changes), TxError> {
        let clock = self.clock();
        let proofs = crate::ledger::ProofCache::default();
        let frame = Frame {
            chain: self.ledger.chain_id(),
            network: self.ledger.network(),
            verifier: self.ledger.verifier(),
            proofs: &proofs,
            parameters: &self.genesis.parameters,
            height: clock.height,
            time_ms: clock.time_ms,
            uptime_ms: clock.uptime_ms,
        };
        let mut ctx = Context::new(&frame, &self.state);
        let value = rules(&mut ctx)?;
        Ok((value, ctx.finish().0))
    }
}
