//! `galen node`: a ledger's beginning, and a node of it.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use galen_chain::Timeouts;
use galen_market::amount::{Amount, Currency};
use galen_market::codec::Text;
use galen_market::fee::FeeRates;
use galen_market::genesis::{Genesis, GenesisCurrency, Network, Parameters, Registrars};
use galen_market::id::{AccountId, ConsensusKey, TransactionId};
use galen_web::RateLimits;
use serde_json::json;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::genesis::{self, Consortium, Development};
use crate::operation::node::{NodePlan, Offered, RunningNode, network, runtime};
use crate::session::{Session, account_of};
use crate::wallet::{Role, Wallet, file};

const MAX_PARAMETERS_BYTES: u64 = 64 << 10;

/// What a description of a consortium holds.
const INIT_HELP: &str = r#"Examples:
  galen node init
  galen node init --data /srv/galen --currency EUR --currency CHF --name 'A ledger to try out'
  galen node init --data /srv/galen --consortium ledger.json
  galen node init --data /srv/galen --genesis genesis.json

A consortium's description, which all members use as it is:
{
  "name": "Data of five hospitals",
  "network": "development",
  "time_ms": 1760000000000,
  "registrars": { "threshold": 2, "accounts": ["<account>", "<account>", "<account>"] },
  "currencies": [ { "currency": "EUR", "decimals": 2,
                    "fees": { "per_kib": "1", "per_unit": "1" },
                    "gateway": "<account>", "gateway_name": "A bank" } ],
  "validators": [ { "account": "<account>", "consensus_key": "<galen node key>", "stake": "1000" } ],
  "opener": "<public key>",
  "parameters": { "deliver_ms": 86400000 }
}"#;

/// Verbs of `galen node`.
#[derive(Subcommand, Debug)]
pub enum Node {
    /// Make the genesis of a ledger: one development validator, or a consortium's
    #[command(after_help = INIT_HELP)]
    Init(Init),
    /// Show the key of the node's votes; made on first use
    #[command(
        after_help = "Examples:\n  galen node key --data /srv/galen\n  galen node key --json"
    )]
    Key {
        /// The node's folder [default: node in the home directory]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Run a node with its interface and page, until interrupted
    #[command(
        after_help = "Examples:\n  galen node run\n  AWS_REGION=eu-central-1 galen node run --packages s3://hospital/packages\n  galen node run --data /srv/galen --listen 0.0.0.0:4850 --p2p /ip4/0.0.0.0/tcp/4851 --pending /ip4/0.0.0.0/tcp/4852 --peer /ip4/10.0.0.2/tcp/4851,/ip4/10.0.0.2/tcp/4852"
    )]
    Run(Run),
    /// Show how a node is
    #[command(
        after_help = "Examples:\n  galen node status\n  galen node status --node https://galen.example --json"
    )]
    Status,
    /// Show what became of a transaction
    #[command(after_help = "Example:\n  galen node transaction 4b…7e")]
    Transaction {
        /// The transaction's id
        id: TransactionId,
    },
    /// Show a block
    #[command(after_help = "Example:\n  galen node block 12 --json")]
    Block {
        /// Its height
        height: u64,
    },
}

/// Arguments of `init`.
#[derive(Args, Debug)]
pub struct Init {
    /// The node's folder [default: node in the home directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A consortium's description
    #[arg(long, value_name = "FILE", conflicts_with_all = ["genesis", "name", "currency", "registrar", "gateway", "validator", "parameters"])]
    consortium: Option<PathBuf>,
    /// The genesis that another member made
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "currency", "registrar", "gateway", "validator", "parameters"])]
    genesis: Option<PathBuf>,
    /// Name of the ledger
    #[arg(long, default_value = "development")]
    name: String,
    /// A currency of two decimals; may be repeated [default: EUR]
    #[arg(long)]
    currency: Vec<Currency>,
    /// A registrar; may be repeated [default: the wallet's]
    #[arg(long)]
    registrar: Vec<AccountId>,
    /// How many registrars must sign
    #[arg(long, default_value_t = 1)]
    threshold: u32,
    /// The gateways, one for each currency in order [default: the wallet's]
    #[arg(long)]
    gateway: Vec<AccountId>,
    /// The validator's account [default: the wallet's]
    #[arg(long)]
    validator: Option<AccountId>,
    /// Fee for 1024 bytes, in minor units
    #[arg(long, default_value_t = 0)]
    fee_per_kib: u64,
    /// Fee for a verification unit, in minor units
    #[arg(long, default_value_t = 0)]
    fee_per_unit: u64,
    /// JSON file of the protocol's numbers that differ from their defaults
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// The node's folder [default: node in the home directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where interface and page listen
    #[arg(long, default_value = "127.0.0.1:4850")]
    listen: SocketAddr,
    /// Where packages lie: a folder, or s3://BUCKET/PREFIX of any S3-compatible store, with its keys in
    /// the usual variables [default: packages in the node's folder]
    #[arg(long, value_name = "STORE")]
    packages: Option<String>,
    /// Where the world finds interface and page, as https://data.example.org; descriptions of datasets
    /// name it [default: where it listens]
    #[arg(long, value_name = "URL")]
    public: Option<String>,
    /// Requests of one client that are answered each second; 0 for any number
    #[arg(long, default_value_t = RateLimits::default().per_second.get())]
    rate: u32,
    /// Requests of one client that are answered at once after a pause
    #[arg(long, default_value_t = RateLimits::default().burst)]
    burst: NonZeroU32,
    /// The last address of X-Forwarded-For is the client's: only behind a proxy that sets it
    #[arg(long)]
    behind_proxy: bool,
    /// Where the operator reads metrics for Prometheus, as 127.0.0.1:4859 [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Where other validators reach this node, as /ip4/0.0.0.0/tcp/4851
    #[arg(long, value_name = "ADDRESS", requires = "pending")]
    p2p: Option<String>,
    /// Where other nodes send pending transactions, as /ip4/0.0.0.0/tcp/4852
    #[arg(long, value_name = "ADDRESS", requires = "p2p")]
    pending: Option<String>,
    /// Another node's two addresses, apart by a comma; may be repeated
    #[arg(long = "peer", value_name = "P2P,PENDING", requires = "p2p")]
    peers: Vec<String>,
    /// How long validators wait for a proposal, in milliseconds
    #[arg(long, default_value_t = Timeouts::default().propose_ms)]
    propose_ms: u64,
    /// How long validators wait for votes, in milliseconds
    #[arg(long, default_value_t = Timeouts::default().vote_ms)]
    vote_ms: u64,
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the folder, a file, the wallet or the node.
pub fn run(context: &Context, command: Node) -> Result<(), Failure> {
    let folder = |data: Option<PathBuf>| data.unwrap_or_else(|| context.home.join("node"));
    match command {
        Node::Init(command) => init(context, command),
        Node::Key { data } => {
            let data = folder(data);
            let key = if context.dry_run {
                genesis::existing_node_key(&data)?
            } else {
                genesis::node_key(&data)?
            };
            let public = hex::encode(key.public());
            context
                .output
                .data(&json!({ "consensus_key": public, "data": data }), || public.clone())
        }
        Node::Run(command) => {
            let data = folder(command.data.clone());
            serve(context, command, data)
        }
        Node::Status => {
            let session = Session::open(context)?;
            let status = session.status()?;
            context.output.data(&status, || {
                let mut lines = vec![
                    format!(
                        "ledger      {} ({})",
                        crate::output::printable(&status.name),
                        status.chain_id
                    ),
                    format!("height      {}", status.height),
                    format!("state root  {}", status.state_root),
                    format!("validator   {}", if status.validator { "yes" } else { "no" }),
                    format!(
                        "fresh       {}",
                        if status.fresh { "yes" } else { "no: it is behind or has stopped" }
                    ),
                    format!("peers       {}", status.peers),
                    format!("pending     {}", status.pending),
                    format!("version     {}", crate::output::printable(&status.version)),
                ];
                if status.forgeable_parameters {
                    lines.push("parameters  development: every proof is forgeable".to_owned());
                }
                if let Some(reason) = &status.stopped {
                    lines.push(format!("stopped     {}", crate::output::printable(reason)));
                }
                lines.join("\n")
            })
        }
        Node::Transaction { id } => {
            let state = Session::open(context)?.client().transaction(&id)?;
            context.output.data(&state, || serde_json::to_string_pretty(&state).unwrap_or_default())
        }
        Node::Block { height } => {
            let block = Session::open(context)?.client().block(height)?;
            context.output.data(&block, || serde_json::to_string_pretty(&block).unwrap_or_default())
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn init(context: &Context, command: Init) -> Result<(), Failure> {
    let data = command.data.clone().unwrap_or_else(|| context.home.join("node"));
    let mut opener = None;
    let made: Genesis = if let Some(path) = &command.genesis {
        genesis::read_file(path)?
    } else if let Some(path) = &command.consortium {
        Consortium::read(path)?.genesis()?
    } else {
        let path = genesis::genesis_path(&data);
        if path.try_exists().map_err(|error| Failure::file(&path, &error))? {
            return Err(Failure::new(
                Exit::Input,
                "genesis.exists",
                format!("{} holds a genesis already; it is left alone", data.display()),
            )
            .remedy("run it with `galen node run`, or use another folder with --data"));
        }
        let (secret, public) = genesis::opener()?;
        opener = Some(secret);
        // A dry run checks everything else with a key of an account.
        let consensus_key = || -> Result<[u8; 32], Failure> {
            Ok(if context.dry_run {
                account_of(&context.wallet()?.account(Role::Validator, 0)).0
            } else {
                genesis::node_key(&data)?.public()
            })
        };
        development(context, &command, consensus_key, public)?
    };
    let own = if context.dry_run { None } else { Some(genesis::node_key(&data)?.public()) };
    if !context.dry_run {
        if let Some(secret) = &opener {
            let path = data.join(genesis::OPENER_FILE);
            let text = zeroize::Zeroizing::new(format!(
                "{}\n",
                zeroize::Zeroizing::new(hex::encode(**secret)).as_str()
            ));
            file::create(&path, text.as_bytes()).map_err(|error| Failure::file(&path, &error))?;
        }
        genesis::write(&data, &made)?;
    }
    if context.dry_run {
        let value = json!({ "data": data, "written": false });
        return context.output.data(&value, || {
            format!("A ledger can begin in {}. Nothing was written.\n", data.display())
        });
    }
    let votes = own.is_some_and(|own| made.validators.iter().any(|v| v.consensus_key.0 == own));
    let value = json!({
        "chain_id": made.chain(),
        "data": data,
        "written": true,
        "validator": votes,
        "development": made.network == Network::Development,
    });
    context.output.data(&value, || {
        let mut text = format!("Ledger {} in {}.\n", made.chain(), data.display());
        text.push_str(if votes {
            "This node is one of its validators.\n"
        } else {
            "This node does not vote.\n"
        });
        if made.network == Network::Development {
            text.push_str(
                "A development ledger: anybody can forge the proofs on it. For trying out only.\n",
            );
        }
        text
    })
}

fn development(
    context: &Context,
    command: &Init,
    consensus_key: impl FnOnce() -> Result<[u8; 32], Failure>,
    opener: galen_zk::point::JubPoint,
) -> Result<Genesis, Failure> {
    let currencies = if command.currency.is_empty() {
        vec!["EUR".parse::<Currency>().map_err(|error| Failure::usage(error.to_string()))?]
    } else {
        command.currency.clone()
    };
    let complete = !command.registrar.is_empty()
        && command.gateway.len() >= currencies.len()
        && command.validator.is_some();
    let wallet: Option<Wallet> = if complete { None } else { Some(context.wallet()?) };
    let own = |role: Role, index: u32| {
        wallet
            .as_ref()
            .map(|wallet| account_of(&wallet.account(role, index)))
            .ok_or_else(|| Failure::usage(format!("the account of the {role} is missing")))
    };
    let accounts = if command.registrar.is_empty() {
        vec![own(Role::Registrar, 0)?]
    } else {
        command.registrar.clone()
    };
    let fees = FeeRates {
        per_kib: Amount::new(command.fee_per_kib),
        per_unit: Amount::new(command.fee_per_unit),
    };
    let mut named = Vec::new();
    for (index, currency) in (0u32..).zip(currencies) {
        let given = usize::try_from(index).ok().and_then(|index| command.gateway.get(index));
        let gateway = match given {
            Some(gateway) => *gateway,
            None => own(Role::Gateway, index)?,
        };
        let gateway_name = Text::new(format!("Gateway of {currency}"))
            .map_err(|error| Failure::usage(error.to_string()))?;
        named.push(GenesisCurrency { currency, decimals: 2, fees, gateway, gateway_name });
    }
    let validator = match command.validator {
        Some(validator) => validator,
        None => own(Role::Validator, 0)?,
    };
    let parameters = match &command.parameters {
        None => Parameters::default(),
        Some(path) => {
            let bytes = file::read_bounded(path, MAX_PARAMETERS_BYTES)
                .map_err(|error| Failure::file(path, &error))?;
            serde_json::from_slice(&bytes).map_err(|error| Failure::input(path, error))?
        }
    };
    Development {
        name: command.name.clone(),
        time_ms: now_ms(),
        registrars: Registrars { threshold: command.threshold, accounts },
        currencies: named,
        validator,
        // Last: where an account is missing, no key is left behind.
        consensus_key: ConsensusKey(consensus_key()?),
        opener,
        parameters,
    }
    .genesis()
}

fn serve(context: &Context, command: Run, data: PathBuf) -> Result<(), Failure> {
    // Malachite's network reports as an error that a node by itself has nobody to tell.
    let quiet = if command.p2p.is_none() { ",arc_malachitebft_network=off" } else { "" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!(
            "warn,galen_chain=info,galen_web=info,galen=info{quiet}"
        ))
    });
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second subscriber in one process (tests) is no reason to stop.
    let _ = logging.try_init();
    let genesis = genesis::read(&data)?;
    let key = genesis::existing_node_key(&data)?;
    let network = match (&command.p2p, &command.pending) {
        (Some(p2p), Some(pending)) => Some(network(p2p, pending, &command.peers)?),
        _ => None,
    };
    if network.is_none() && genesis.validators.len() > 1 {
        return Err(Failure::usage(
            "this ledger has several validators, which must reach each other",
        )
        .remedy("give --p2p, --pending and a --peer for each of the others"));
    }
    let development = genesis.network == Network::Development;
    let timeouts = Timeouts { propose_ms: command.propose_ms, vote_ms: command.vote_ms };
    let plan = NodePlan {
        data,
        genesis,
        key,
        network,
        timeouts,
        listen: command.listen,
        packages: command.packages,
        offered: Offered {
            public: command.public,
            limits: NonZeroU32::new(command.rate).map(|per_second| RateLimits {
                per_second,
                burst: command.burst,
                behind_proxy: command.behind_proxy,
            }),
            metrics: command.metrics,
        },
    };
    if context.dry_run {
        return context.output.data(&json!({ "started": false }), || {
            "It could be started; it was not.\n".to_owned()
        });
    }
    runtime()?.block_on(async {
        let running = RunningNode::start(plan).await?;
        let url = running.url();
        context.output.data(&json!({ "url": url }), || url.clone())?;
        if development {
            context.output.note("A development ledger: anybody can forge the proofs on it.");
        }
        context.output.note("Ctrl-C stops the node.");
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .map_err(|error| Failure::new(Exit::Failure, "node.signal", error.to_string()))?;
        let reason = tokio::select! {
            _ = tokio::signal::ctrl_c() => None,
            _ = terminate.recv() => None,
            reason = running.node.stopped() => Some(reason),
        };
        running.stop().await;
        reason.map_or(Ok(()), |reason| Err(reason.into()))
    })
}
