//! What an institution keeps of its packages, below its home directory:
//!
//! | file | content |
//! |---|---|
//! | `packages/<id>/key` | the master key, encrypted for the wallet |
//! | `packages/<id>/record.json` | where the folder is, and what is to be offered |
//! | `packages/<id>/openings` | how often each row block was opened by a proof here |
//! | `packages/<id>/elsewhere/` | the same of other machines that proved blocks of it |
//! | `packages/licences/<hash>` | the text of a licence |
//! | `packages/<id>/shares/` | the private side of the bundles, encrypted under the package's key |
//!
//! The key is on the disk before the package folder has its name.

use std::fs;
use std::path::{Path, PathBuf};

use galen_dataset::attempts::AttemptLog;
use galen_dataset::seal::{MasterKey, PackageSecret};
use galen_market::id::{AccountId, PackageId};
use galen_market::listing::{Lineage, ListingId, Offer, TableClaims};
use galen_zk::field::Scalar;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Exit, Failure};
use crate::session::account_of;
use crate::wallet::derive::AccountKey;
use crate::wallet::{self, Role, Wallet, file};

const MAX_RECORD_BYTES: u64 = 1 << 20;
/// Accounts of a wallet among which the one that packed is looked for.
const INSTITUTIONS: u32 = 100;

/// What is kept of a package beside its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRecord {
    /// The package.
    pub package: PackageId,
    /// Who packed it and will list it.
    pub institution: AccountId,
    /// Where its folder is.
    pub folder: PathBuf,
    /// What is claimed of every table.
    pub claims: Vec<TableClaims>,
    /// What it supersedes and was derived from.
    #[serde(default)]
    pub lineage: Lineage,
    /// What is to be offered.
    pub offer: Offer,
}

impl PackageRecord {
    /// The k of every table.
    pub fn k(&self) -> Vec<u32> {
        self.claims.iter().map(|claims| claims.k).collect()
    }

    /// The listing that the package becomes.
    pub fn listing(&self) -> ListingId {
        ListingId { institution: self.institution, package: self.package }
    }

    /// The key of the institution that packed it.
    ///
    /// # Errors
    /// When it is none of the wallet's.
    pub fn key(&self, wallet: &Wallet) -> Result<AccountKey, Failure> {
        (0..INSTITUTIONS)
            .map(|index| wallet.account(Role::Institution, index))
            .find(|key| account_of(key) == self.institution)
            .ok_or_else(|| {
                Failure::new(Exit::Key, "key.other", "the package was packed with another wallet")
                    .remedy("use the wallet with which it was packed")
            })
    }
}

/// The packages of one home directory.
#[derive(Clone, Debug)]
pub struct PackageStore {
    root: PathBuf,
}

impl PackageStore {
    /// The packages of a home directory.
    pub fn of(home: &Path) -> Self {
        Self { root: home.join("packages") }
    }

    /// Where licence texts are kept, by their hash.
    pub(super) fn licences(&self) -> PathBuf {
        self.root.join("licences")
    }

    fn folder(&self, package: &PackageId) -> PathBuf {
        self.root.join(package.to_string())
    }

    /// Where a package's key file is.
    pub fn key_path(&self, package: &PackageId) -> PathBuf {
        self.folder(package).join("key")
    }

    fn record_path(&self, package: &PackageId) -> PathBuf {
        self.folder(package).join("record.json")
    }

    /// Keeps a package's key and record, synced.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn add(
        &self,
        wallet: &Wallet,
        secret: &PackageSecret,
        record: &PackageRecord,
    ) -> Result<(), Failure> {
        let folder = self.folder(&record.package);
        file::private_directory(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let sealed = wallet::PackageSecret {
            commitment: secret.key.commitment().to_bytes(),
            master_key: Zeroizing::new(secret.key.scalar().to_bytes()),
        }
        .seal(wallet);
        let path = self.key_path(&record.package);
        file::create(&path, &sealed).map_err(|error| Failure::file(&path, &error))?;
        self.update(record)
    }

    /// Replaces a package's record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn update(&self, record: &PackageRecord) -> Result<(), Failure> {
        let path = self.record_path(&record.package);
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|error| Failure::new(Exit::Failure, "package.record", error.to_string()))?;
        file::replace(&path, &bytes).map_err(|error| Failure::file(&path, &error))
    }

    /// Forgets a package whose folder never came to be.
    pub(crate) fn forget(&self, package: &PackageId) {
        let _ = fs::remove_dir_all(self.folder(package));
    }

    /// A package's record.
    ///
    /// # Errors
    /// When this home directory has no such package, or the record is damaged.
    pub fn record(&self, package: &PackageId) -> Result<PackageRecord, Failure> {
        let path = self.record_path(package);
        let bytes =
            file::read_bounded(&path, MAX_RECORD_BYTES).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Failure::new(
                    Exit::Key,
                    "package.not_ours",
                    format!("{} keeps nothing of package {package}", self.root.display()),
                )
                .remedy("use the home directory with which it was packed: --home"),
                _ => Failure::file(&path, &error),
            })?;
        let record: PackageRecord = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::input(&path, error)
                .remedy("bring the file back from a backup, or pack the data anew")
        })?;
        if record.package != *package {
            return Err(Failure::input(&path, "is the record of another package"));
        }
        Ok(record)
    }

    /// A package's key.
    ///
    /// # Errors
    /// When there is none here, it is damaged, of another wallet or of another package.
    pub fn secret(&self, wallet: &Wallet, package: &PackageId) -> Result<PackageSecret, Failure> {
        let path = self.key_path(package);
        let bytes = file::read_bounded(&path, wallet::package_secret::FILE_BYTES as u64).map_err(|error| {
            Failure::new(Exit::Key, "key.package_missing", format!("{}: {error}", path.display()))
                .remedy("use the home directory with which the dataset was packed, or bring its key file back from a backup")
        })?;
        let opened = wallet::PackageSecret::open(&bytes, wallet)
            .map_err(|error| Failure::from(error).at(path.display()))?;
        let scalar = Scalar::from_bytes(&opened.master_key).map_err(|_| damaged(&path))?;
        let key = MasterKey::from(scalar);
        if key.commitment().to_bytes() != opened.commitment {
            return Err(damaged(&path));
        }
        Ok(PackageSecret { package: *package, key })
    }

    /// The log of openings of a package, locked, with those of other machines.
    ///
    /// # Errors
    /// When it is in use, damaged or of another package.
    pub fn openings(&self, package: &PackageId) -> Result<AttemptLog, Failure> {
        let folder = self.folder(package);
        let log = AttemptLog::open(&folder.join("openings"), package.0)?;
        Ok(log.with_elsewhere(&folder.join("elsewhere"))?)
    }

    /// Where the private side of a package's bundles is.
    pub fn shares(&self, package: &PackageId) -> PathBuf {
        self.folder(package).join("shares")
    }

    /// All packages of this home directory, in the order of their ids.
    ///
    /// # Errors
    /// When the directory cannot be read, or a record is damaged.
    pub fn all(&self) -> Result<Vec<PackageRecord>, Failure> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::file(&self.root, &error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Failure::file(&self.root, &error))?;
            ids.extend(entry.file_name().to_str().and_then(|name| name.parse::<PackageId>().ok()));
        }
        ids.sort_unstable();
        // A key without a record is a package that is being added, or whose adding was cut off: it was
        // never made.
        ids.retain(|id| self.record_path(id).exists());
        ids.iter().map(|id| self.record(id)).collect()
    }

    /// The package that a person named: an id, the beginning of one, or a package's folder.
    ///
    /// # Errors
    /// When nothing or more than one fits.
    pub fn find(&self, named: &str) -> Result<PackageRecord, Failure> {
        if let Ok(id) = named.parse::<PackageId>() {
            return self.record(&id);
        }
        let path = Path::new(named);
        if path.is_dir() {
            let folder = galen_dataset::package::PackageFolder::read(path)?;
            return self.record(&folder.id());
        }
        let mut fitting: Vec<_> = self
            .all()?
            .into_iter()
            .filter(|record| record.package.to_string().starts_with(named))
            .collect();
        match (fitting.pop(), fitting.is_empty(), named.len() >= 6) {
            (Some(record), true, true) => Ok(record),
            _ => Err(Failure::usage(format!("`{named}` is neither a package of yours nor a package folder"))
                .remedy("give the package's id, at least six of its first digits, or the path of its folder")),
        }
    }
}

fn damaged(path: &Path) -> Failure {
    Failure::new(
        Exit::Key,
        "key.package",
        format!("{}: the key does not open its own commitment", path.display()),
    )
    .remedy("bring the key file back from a backup")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_a_record_is_no_package() {
        let home = tempfile::tempdir().unwrap();
        let store = PackageStore::of(home.path());
        assert!(store.all().unwrap().is_empty());
        let id = PackageId([7; 32]);
        fs::create_dir_all(store.folder(&id)).unwrap();
        fs::write(store.key_path(&id), b"sealed").unwrap();
        assert!(store.all().unwrap().is_empty());
        // A record that cannot be read is a package all the same, and no reason to forget it.
        fs::write(store.record_path(&id), b"{").unwrap();
        assert!(store.all().is_err());
    }
}
