//! A whole small world on one machine: a node with its page, and everybody who takes part, each with a
//! wallet and a directory of their own. Used by the demonstration and by the tests that tell the same
//! story.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use galen_api::DealView;
use galen_chain::{GalenLedger, Node, NodeHandle, NodeSettings};
use galen_market::action::{Action, Admission};
use galen_market::amount::{Amount, Currency, Money};
use galen_market::codec::Text;
use galen_market::deal::Stage;
use galen_market::fee::FeeRates;
use galen_market::genesis::{Genesis, GenesisCurrency, Network, Parameters, Registrars};
use galen_market::id::{AccountId, ConsensusKey, DealId, Digest};
use galen_market::ledger::Ledger;
use galen_market::state::StateRead;
use galen_web::store::Store;
use galen_web::{Server, ServerConfig};
use galen_zk::keys::Prover;
use sha2::Digest as _;

use crate::agent::policy::Policy;
use crate::agent::{Agent, Deed};
use crate::error::{Exit, Failure};
use crate::operation::credential::{self, Credential, Position, Register, Wish};
use crate::operation::genesis::{self, Development};
use crate::operation::{authority, money};
use crate::session::{Session, account_of};
use crate::wallet::derive::AccountKey;
use crate::wallet::{Role, Seed, Wallet};

/// How long a stage of a deal is waited for, beyond its own deadline.
const PATIENCE: Duration = Duration::from_secs(120);

/// Somebody with a wallet and a directory.
pub struct Party {
    /// The keys.
    pub wallet: Wallet,
    /// The directory.
    pub home: PathBuf,
    /// The account that the party is known by.
    pub key: AccountKey,
}

impl Party {
    fn new(root: &Path, name: &str, role: Role) -> Result<Self, Failure> {
        let home = root.join(name);
        std::fs::create_dir_all(&home).map_err(|error| Failure::file(&home, &error))?;
        let wallet = Wallet::new(Seed::generate());
        let key = wallet.account(role, 0);
        Ok(Self { wallet, home, key })
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        account_of(&self.key)
    }
}

/// The windows of a world: short, so that its story takes a minute or two.
#[must_use]
pub fn short_windows(deliver_ms: u64, dispute_ms: u64) -> Parameters {
    Parameters { ready_ms: 10 * 60_000, deliver_ms, dispute_ms, ..Parameters::default() }
}

/// What the audit of every executed block found.
#[derive(Default)]
struct Audited {
    heights: BTreeSet<u64>,
    violations: Vec<String>,
}

impl Audited {
    fn look(&mut self, height: u64, state: &dyn StateRead) {
        self.heights.insert(height);
        match galen_market::invariant::violations(state) {
            Ok(found) => self.violations.extend(
                found.iter().map(|one| format!("block {height}: {}: {}", one.invariant, one.what)),
            ),
            Err(error) => self.violations.push(format!("block {height}: {error}")),
        }
    }
}

/// A node and all parties. The invariants of the ledger are checked after every block.
pub struct World {
    /// A connection to the node, over HTTP like everybody's.
    pub session: Session,
    /// Where the page is.
    pub address: SocketAddr,
    /// Lists and delivers.
    pub hospital: Party,
    /// Admits.
    pub registrar: Party,
    /// Vouches.
    pub university: Party,
    /// Mints.
    pub bank: Party,
    /// Buys.
    pub researcher: Party,
    /// Makes everybody's proofs.
    pub prover: Arc<Prover>,
    runtime: tokio::runtime::Runtime,
    node: NodeHandle,
    server: Option<Server>,
    audited: Arc<Mutex<Audited>>,
}

impl World {
    /// Starts a ledger in a directory, with a node that listens on `listen` (port 0 takes a free one).
    ///
    /// # Errors
    /// When something is in the way: the directory, the port.
    pub fn start(
        root: &Path,
        listen: SocketAddr,
        parameters: Parameters,
        prover: Arc<Prover>,
    ) -> Result<Self, Failure> {
        let registrar = Party::new(root, "registrar", Role::Registrar)?;
        let bank = Party::new(root, "bank", Role::Gateway)?;
        let validator = Party::new(root, "validator", Role::Validator)?;
        let data = root.join("node");
        std::fs::create_dir_all(&data).map_err(|error| Failure::file(&data, &error))?;
        let key = genesis::node_key(&data)?;
        let (_, opener) = genesis::opener()?;
        let genesis = Development {
            name: "demonstration".to_owned(),
            time_ms: now_ms(),
            registrars: Registrars { threshold: 1, accounts: vec![registrar.account()] },
            currencies: vec![euros(bank.account())?],
            validator: validator.account(),
            consensus_key: ConsensusKey(key.public()),
            opener,
            parameters,
        }
        .genesis()?;
        genesis::write(&data, &genesis)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failure, "node.runtime", error.to_string()))?;
        let audited = Arc::new(Mutex::new(Audited::default()));
        let (node, server) =
            runtime.block_on(serve(&data, genesis, key, listen, audited.clone()))?;
        let address = server.address();
        let session = Session::connect(&format!("http://{address}"), false)?;
        Ok(Self {
            session,
            address,
            hospital: Party::new(root, "hospital", Role::Institution)?,
            registrar,
            university: Party::new(root, "university", Role::Issuer)?,
            bank,
            researcher: Party::new(root, "researcher", Role::Researcher)?,
            prover,
            runtime,
            node,
            server: Some(server),
            audited,
        })
    }

    /// Admits hospital and university, funds the hospital, and has its bond deposited.
    ///
    /// # Errors
    /// What the ledger refuses.
    pub fn admit_parties(&self) -> Result<(), Failure> {
        let evidence = |text: &str| Digest(sha2::Sha256::digest(text.as_bytes()).into());
        let admit = |party: &Party, admission, name: &str| {
            authority::admit(
                party.account(),
                admission,
                name,
                "",
                evidence(&format!("licence to operate of {name}")),
            )
        };
        // The registrar has no money of its own: the bank sponsors the fee.
        self.fund(self.registrar.account(), 1_000)?;
        let actions = vec![
            admit(&self.hospital, Admission::Institution, "Hospital of the demonstration")?,
            admit(&self.university, Admission::Issuer, "University of the demonstration")?,
        ];
        self.session.transact(actions, &[&self.registrar.key])?;
        self.fund(self.university.account(), 1_000)?;
        self.fund(self.hospital.account(), 200_000)?;
        let bond = Money { currency: currency()?, amount: Amount::new(100_000) };
        self.session
            .transact(vec![money::deposit(self.hospital.account(), bond)], &[&self.hospital.key])?;
        Ok(())
    }

    /// Has the bank mint money to an account.
    ///
    /// # Errors
    /// What the ledger refuses.
    pub fn fund(&self, to: AccountId, amount: u64) -> Result<(), Failure> {
        let money = Money { currency: currency()?, amount: Amount::new(amount) };
        // A gateway pays its own fee out of what it mints to itself.
        let own = Money { currency: currency()?, amount: Amount::new(100) };
        let bank = self.bank.account();
        let actions = vec![money::mint(bank, bank, own), money::mint(bank, to, money)];
        self.session.transact(actions, &[&self.bank.key])?;
        Ok(())
    }

    /// Has the university vouch for the researcher until a day.
    ///
    /// # Errors
    /// What the university or the ledger refuses.
    pub fn vouch(&self, purposes: &[&str]) -> Result<Credential, Failure> {
        let today = u32::try_from(self.session.status()?.clock_ms / 86_400_000).unwrap_or(u32::MAX);
        let wish = Wish {
            position: Position::Researcher,
            institution: "Institute of Health Economics".to_owned(),
            country: galen_zk::circuit::credential::Country::new("DE")
                .ok_or_else(|| Failure::usage("a country has two letters"))?,
            purposes: purposes.iter().map(|word| (*word).to_owned()).collect(),
            approval: Some("ethics approval 2026-0417".to_owned()),
            expiry: credential::day_text(today.saturating_add(365)),
            evidence: Digest(
                sha2::Sha256::digest(b"passport and letter of the ethics board").into(),
            ),
        };
        let issuer = self.university.account();
        let application =
            credential::apply(&self.researcher.wallet, self.session.chain(), issuer, wish)?;
        let mut register = Register::open(&self.university.home, &issuer)?;
        let (_, credential) =
            credential::approve(&self.session, &self.university.key, &application, &mut register)?;
        let credential = credential.ok_or_else(|| {
            Failure::new(Exit::Failure, "issuer.none", "the university made no credential")
        })?;
        credential::check(&self.session, &self.researcher.wallet, &credential)?;
        credential::keep(&self.researcher.home, &credential)?;
        Ok(credential)
    }

    /// Lets the hospital's agent work until `until` says so, and returns what it did.
    ///
    /// # Errors
    /// When another agent runs, or `until` fails.
    pub fn with_agent<T>(
        &self,
        until: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<(T, Vec<Deed>), Failure> {
        let agent = Agent::new(
            &self.session,
            &self.hospital.wallet,
            &self.prover,
            &self.hospital.key,
            &self.hospital.home,
            Policy::default(),
        )?;
        let stop = AtomicBool::new(false);
        let deeds = Mutex::new(Vec::new());
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                let tell = |told: Result<&Deed, &Failure>| {
                    if let (Ok(deed), Ok(mut deeds)) = (told, deeds.lock()) {
                        deeds.push(deed.clone());
                    }
                };
                let _ =
                    agent.run(Duration::from_millis(200), &|| stop.load(Ordering::Relaxed), &tell);
            });
            let result = until();
            stop.store(true, Ordering::Relaxed);
            result
        })?;
        Ok((result, deeds.into_inner().unwrap_or_default()))
    }

    /// Waits until a deal is at a stage, or ended otherwise.
    ///
    /// # Errors
    /// When it ends otherwise, or nothing happens for too long.
    pub fn wait_for(&self, deal: &DealId, stage: Stage) -> Result<DealView, Failure> {
        let begun = Instant::now();
        loop {
            let view = self.session.client().deal(deal)?;
            if view.deal.stage == stage {
                self.check_audit()?;
                return Ok(view);
            }
            if view.deal.stage.is_final() || begun.elapsed() > PATIENCE {
                return Err(Failure::new(
                    Exit::Failure,
                    "deal.stage",
                    format!(
                        "deal {deal} is {} where {stage} was expected: {:?}",
                        view.deal.stage, view.deal.termination
                    ),
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What an account holds freely, in minor units.
    ///
    /// # Errors
    /// When the node cannot be asked.
    pub fn balance(&self, account: &AccountId) -> Result<u64, Failure> {
        Ok(self.session.balance(account, &currency()?)?.units())
    }

    /// Sends a transaction of the hospital.
    ///
    /// # Errors
    /// What the ledger refuses.
    pub fn hospital_does(&self, action: Action) -> Result<(), Failure> {
        self.session.transact(vec![action], &[&self.hospital.key]).map(|_| ())
    }

    /// Whether the invariants held after every block so far, and after the last one.
    ///
    /// # Errors
    /// The first violation, with its height; or a block that was not looked at.
    pub fn check_invariants(&self) -> Result<u64, Failure> {
        let snapshot = self.node.snapshot();
        let height = snapshot.height();
        // The state as it is stored, too.
        self.audit().look(height, &*snapshot);
        self.check_audit()?;
        match (1..=height).find(|height| !self.audit().heights.contains(height)) {
            None => Ok(height),
            Some(missed) => Err(violated(format!("block {missed} was not looked at"))),
        }
    }

    fn audit(&self) -> MutexGuard<'_, Audited> {
        self.audited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_audit(&self) -> Result<(), Failure> {
        self.audit().violations.first().map_or(Ok(()), |first| Err(violated(first.clone())))
    }

    /// Stops server and node.
    pub fn stop(mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
        self.runtime.block_on(self.node.shutdown());
    }
}

fn violated(what: String) -> Failure {
    Failure::new(Exit::Failure, "ledger.invariant", what)
}

/// The world's only currency.
///
/// # Errors
/// Never: the name is a currency's.
pub fn currency() -> Result<Currency, Failure> {
    "EUR".parse().map_err(|_| Failure::usage("EUR is not a currency"))
}

fn euros(gateway: AccountId) -> Result<GenesisCurrency, Failure> {
    Ok(GenesisCurrency {
        currency: currency()?,
        decimals: 2,
        fees: FeeRates { per_kib: Amount::new(1), per_unit: Amount::ZERO },
        gateway,
        gateway_name: Text::new("Bank of the demonstration")
            .map_err(|error| Failure::usage(error.to_string()))?,
    })
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|passed| u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
        .unwrap_or_default()
}

async fn serve(
    data: &Path,
    genesis: Genesis,
    key: galen_chain::NodeKey,
    listen: SocketAddr,
    audited: Arc<Mutex<Audited>>,
) -> Result<(NodeHandle, Server), Failure> {
    let verifier = genesis::verifier(Network::Development)?;
    let settings = NodeSettings::alone(data.join("store"), key);
    let failed = |code: &'static str, error: String| Failure::new(Exit::Failure, code, error);
    let rules = Ledger::new(&genesis, verifier)
        .map_err(|error| failed("node.genesis", error.to_string()))?;
    let ledger = GalenLedger::new(rules, genesis).observed_by(Arc::new(move |now, state| {
        audited.lock().unwrap_or_else(PoisonError::into_inner).look(now.height, state);
    }));
    let node = Node::start_with(ledger, settings)
        .await
        .map_err(|error| failed("node.start", error.to_string()))?;
    let folder = data.join("packages");
    let config = ServerConfig::new(listen, Store::folder(&folder)?, folder.join("texts"));
    let server = galen_web::start(config, node.clone())
        .await
        .map_err(|error| failed("node.listen", error.to_string()))?;
    Ok((node, server))
}
