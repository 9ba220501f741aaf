//! What a ledger starts from, and the folder of a node:
//!
//! | file | content |
//! |---|---|
//! | `genesis.json` | the genesis; the same on every node of a ledger |
//! | `node.key` | the key of the node's votes, readable by its owner only |
//! | `opener.key` | of a development ledger: the secret that opens a credential's holder |
//!
//! The node itself adds its store and log.

use std::path::{Path, PathBuf};

use ark_ff::{BigInteger, PrimeField};
use galen_chain::NodeKey;
use galen_market::amount::Amount;
use galen_market::codec::Text;
use galen_market::genesis::{
    Genesis, GenesisCurrency, GenesisStake, GenesisValidator, Network, Parameters, Registrars,
};
use galen_market::id::{AccountId, ConsensusKey, Digest};
use galen_zk::keys::Verifier;
use galen_zk::point::JubPoint;
use rand::RngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::params;
use crate::error::{Exit, Failure};
use crate::wallet::file;

/// Name of the genesis in a node's folder.
pub const GENESIS_FILE: &str = "genesis.json";
/// Name of the key of votes in a node's folder.
pub const KEY_FILE: &str = "node.key";
/// Name of the opener's secret in a node's folder.
pub const OPENER_FILE: &str = "opener.key";

const MAX_GENESIS_BYTES: u64 = 16 << 20;
/// Stake of the one validator of a development ledger.
pub const DEVELOPMENT_STAKE: Amount = Amount::new(1_000_000);

/// What the members of a consortium agree on: a genesis without what the software knows itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consortium {
    /// Name of the ledger.
    pub name: Text<100>,
    /// Development or production.
    pub network: Network,
    /// Time of genesis, in milliseconds since 1970; the same for everybody.
    pub time_ms: u64,
    /// The registrars, and how many must sign.
    pub registrars: Registrars,
    /// The currencies.
    pub currencies: Vec<GenesisCurrency>,
    /// The first validators, with consensus keys as `galen node key` prints them.
    pub validators: Vec<GenesisValidator>,
    /// Stake beside the validators'.
    #[serde(default)]
    pub stake: Vec<GenesisStake>,
    /// The opener's public key.
    pub opener: JubPoint,
    /// Numbers of the protocol; those left out have their defaults.
    #[serde(default)]
    pub parameters: Parameters,
}

impl Consortium {
    /// Reads a description.
    ///
    /// # Errors
    /// When it is not one; the message says which field.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = file::read_bounded(path, MAX_GENESIS_BYTES)
            .map_err(|error| Failure::file(path, &error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(Exit::Input, "genesis.description", format!("{}: {error}", path.display()))
                .remedy("see `galen node init --help` for what a description holds")
        })
    }

    /// The genesis, checked.
    ///
    /// # Errors
    /// What contradicts what; or a production network, which needs the parameters of a ceremony.
    pub fn genesis(self) -> Result<Genesis, Failure> {
        let Self {
            name,
            network,
            time_ms,
            registrars,
            currencies,
            validators,
            stake,
            opener,
            parameters,
        } = self;
        let verifier = verifier(network)?;
        let proving_parameters = Digest(verifier.parameters_hash());
        let genesis = Genesis {
            name,
            network,
            proving_parameters,
            time_ms,
            registrars,
            currencies,
            validators,
            stake,
            opener,
            parameters,
        };
        genesis
            .check()
            .map_err(|error| Failure::new(Exit::Input, "genesis.check", error.to_string()))?;
        Ok(genesis)
    }
}

/// The verifier of a network: under the parameters of a ceremony if a folder of one is named, else
/// under those for development.
///
/// # Errors
/// For a production network without a ceremony's parameters, or when these do not hold.
pub fn verifier(network: Network) -> Result<Verifier, Failure> {
    let verifier = match super::ceremony_directory() {
        Some(folder) => Verifier::new(galen_zk::keys::Network::Production, params::load(&folder)?)?,
        None => Verifier::development()?,
    };
    if network == Network::Production && verifier.is_forgeable() {
        return Err(Failure::new(
            Exit::Failure,
            "parameters.forgeable",
            "the proving parameters are those for development, with which anybody can forge proofs; a production network refuses them",
        )
        .remedy("name the folder of a ceremony in GALEN_CEREMONY, or give the network as development"));
    }
    Ok(verifier)
}

/// Who takes part in a development ledger of one validator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Development {
    /// Name of the ledger.
    pub name: String,
    /// Time of genesis, in milliseconds since 1970.
    pub time_ms: u64,
    /// Registrars, and how many must sign.
    pub registrars: Registrars,
    /// Currencies.
    pub currencies: Vec<GenesisCurrency>,
    /// The validator's account.
    pub validator: AccountId,
    /// The key of its votes.
    pub consensus_key: ConsensusKey,
    /// The opener's public key.
    pub opener: JubPoint,
    /// Numbers of the protocol.
    pub parameters: Parameters,
}

impl Development {
    /// The genesis, checked.
    ///
    /// # Errors
    /// As [`Consortium::genesis`].
    pub fn genesis(self) -> Result<Genesis, Failure> {
        let validator = GenesisValidator {
            account: self.validator,
            consensus_key: self.consensus_key,
            stake: DEVELOPMENT_STAKE,
        };
        Consortium {
            name: Text::new(self.name)
                .map_err(|error| Failure::usage(format!("the ledger's name: {error}")))?,
            network: Network::Development,
            time_ms: self.time_ms,
            registrars: self.registrars,
            currencies: self.currencies,
            validators: vec![validator],
            stake: Vec::new(),
            opener: self.opener,
            parameters: self.parameters,
        }
        .genesis()
    }
}

/// A new key of an opener: the secret, 32 little-endian bytes, and the public key.
///
/// # Errors
/// Never in practice: when the secret is zero.
pub fn opener() -> Result<(Zeroizing<[u8; 32]>, JubPoint), Failure> {
    let mut wide = Zeroizing::new([0u8; 64]);
    OsRng.fill_bytes(&mut *wide);
    let scalar = ark_ed_on_bn254::Fr::from_le_bytes_mod_order(&*wide);
    let public = JubPoint::generator()
        .times(&scalar)
        .map_err(|error| Failure::new(Exit::Failure, "genesis.opener", error.to_string()))?;
    let mut secret = Zeroizing::new([0u8; 32]);
    let bytes = Zeroizing::new(scalar.into_bigint().to_bytes_le());
    secret.copy_from_slice(&bytes);
    Ok((secret, public))
}

/// Where a node's genesis is.
pub fn genesis_path(data: &Path) -> PathBuf {
    data.join(GENESIS_FILE)
}

/// The key of a node's votes; made on first use.
///
/// # Errors
/// When it cannot be read or written.
pub fn node_key(data: &Path) -> Result<NodeKey, Failure> {
    NodeKey::load_or_create(&data.join(KEY_FILE)).map_err(key_failure)
}

/// The key of a node's votes that exists.
///
/// # Errors
/// When it cannot be read.
pub fn existing_node_key(data: &Path) -> Result<NodeKey, Failure> {
    NodeKey::load(&data.join(KEY_FILE)).map_err(key_failure)
}

fn key_failure(error: galen_chain::NodeKeyError) -> Failure {
    Failure::new(Exit::Key, "node.key", error.to_string())
        .remedy("make it with `galen node key`, or bring the file back from a backup")
}

/// Writes the genesis of a node's folder, which must have none yet, or the same.
///
/// # Errors
/// When there is another one, or it cannot be written.
pub fn write(data: &Path, genesis: &Genesis) -> Result<(), Failure> {
    let path = genesis_path(data);
    if path.try_exists().map_err(|error| Failure::file(&path, &error))? {
        if read(data)? == *genesis {
            return Ok(());
        }
        return Err(Failure::new(
            Exit::Input,
            "genesis.exists",
            format!("{} holds another genesis already", data.display()),
        )
        .remedy("use another folder with --data; a ledger's beginning never changes"));
    }
    file::private_directory(data).map_err(|error| Failure::file(data, &error))?;
    let bytes = serde_json::to_vec_pretty(genesis)
        .map_err(|error| Failure::new(Exit::Failure, "genesis.json", error.to_string()))?;
    file::create(&path, &bytes).map_err(|error| Failure::file(&path, &error))
}

/// Reads the genesis of a node's folder.
///
/// # Errors
/// When there is none, or it is not one.
pub fn read(data: &Path) -> Result<Genesis, Failure> {
    read_file(&genesis_path(data))
}

/// Reads a genesis and checks it.
///
/// # Errors
/// When it is not one.
pub fn read_file(path: &Path) -> Result<Genesis, Failure> {
    let remedy = "make one with `galen node init`, or copy that of the ledger";
    let bytes = file::read_bounded(path, MAX_GENESIS_BYTES).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            let text = format!("there is no ledger yet: {} is missing", path.display());
            return Failure::new(Exit::Input, "genesis.missing", text).remedy(remedy);
        }
        Failure::file(path, &error).remedy(remedy)
    })?;
    let genesis: Genesis = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::input(path, error).remedy(remedy))?;
    genesis.check().map_err(|error| Failure::input(path, error).remedy(remedy))?;
    Ok(genesis)
}
