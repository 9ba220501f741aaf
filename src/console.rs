//! An institution's work as pages of this machine: `galen console`.
//!
//! From a raw table to a live listing, then deals, money and withdrawals. Raw data stay in this process:
//! a file comes in through the browser of the same machine, is read into memory and gone from the disk,
//! and the node is sent only what `galen dataset publish` would send it. The guard, the lock and the frame
//! are those of [`crate::loopback`], as for a wallet.
//!
//! [`offering`] is a table on its way, [`places`] what is wrong with one, [`work`] does what takes long with
//! it, [`trade`] what is done in a deal, [`routes`] answers, [`views`] are the pages, which need no script, and
//! [`words`] their texts, in both languages. Depends on the operations of this package, as the command line
//! does, and on the agent to deliver a key.

mod fields;
mod offering;
mod places;
mod routes;
mod trade;
mod views;
mod words;
mod work;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use galen_web::lang::Lang;

use crate::error::{Exit, Failure};
use crate::loopback::{Answer, Asked, Brand, Desk, Once, Sent, Site, Works, absent, lock};
use crate::operation::pack::clear_drafts;
use crate::operation::store::PackageStore;
use crate::session::{Session, account_of};
use crate::wallet::derive::AccountKey;
use crate::wallet::{Role, Wallet, file};
use offering::Offering;
use words::Words;

pub use crate::loopback::{Plan, Serving};

/// Below the home directory: uploads while they are read, and packages that were made here.
const FOLDER: &str = "console";
/// Tables that are held at a time.
const MOST: usize = 4;

/// What every request sees.
struct Console {
    desk: Desk,
    /// Which of the wallet's institutions.
    index: u32,
    folder: PathBuf,
    uploads: PathBuf,
    /// Tables by their codes; none of a place that is kept for a table while it is read.
    offerings: Mutex<BTreeMap<String, Option<Offering>>>,
    works: Works<work::Name>,
    /// Forms that move money.
    once: Mutex<Once<()>>,
    /// Held while a key is delivered: a home directory has one agent at a time.
    delivering: Mutex<()>,
    /// Locked while this console runs.
    _lock: File,
}

impl Console {
    /// Takes the working folder for this process, and clears what another one left of uploads and
    /// of packages that it was making.
    fn new(desk: Desk, index: u32) -> Result<Self, Failure> {
        let folder = desk.plan.home.join(FOLDER);
        let uploads = folder.join("uploads");
        let failed = |error: std::io::Error| Failure::file(&folder, &error);
        file::private_directory(&folder).map_err(failed)?;
        let path = folder.join("lock");
        let held = File::options().create(true).append(true).open(path).map_err(failed)?;
        held.try_lock().map_err(|_| {
            Failure::new(
                Exit::Failure,
                "console.running",
                format!("{} is used by a console that runs", folder.display()),
            )
            .remedy("use that one, or stop it first")
        })?;
        match std::fs::remove_dir_all(&uploads) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        file::private_directory(&uploads).map_err(failed)?;
        clear_drafts(&folder).map_err(failed)?;
        Ok(Self {
            desk,
            index,
            folder,
            uploads,
            offerings: Mutex::default(),
            works: Works::default(),
            once: Mutex::default(),
            delivering: Mutex::default(),
            _lock: held,
        })
    }

    fn session(&self) -> Result<Session, Failure> {
        self.desk.session()
    }

    fn store(&self) -> PackageStore {
        PackageStore::of(&self.desk.plan.home)
    }

    /// The key of the institution that lists.
    fn key(&self, wallet: &Wallet) -> AccountKey {
        wallet.account(Role::Institution, self.index)
    }

    fn institution(&self, wallet: &Wallet) -> galen_market::id::AccountId {
        account_of(&self.key(wallet))
    }

    /// Does something with a table on its way.
    fn with<T>(
        &self,
        code: &str,
        what: impl FnOnce(&mut Offering) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut offerings = lock(&self.offerings);
        what(offerings.get_mut(code).and_then(Option::as_mut).ok_or_else(absent)?)
    }

    fn keep(&self, code: &str, offering: Offering) {
        lock(&self.offerings).insert(code.to_owned(), Some(offering));
    }

    /// Forgets a table.
    fn forget(&self, code: &str) {
        lock(&self.offerings).remove(code);
    }

    /// Keeps a place for a table that is about to be read, if there is one.
    fn room(self: &Arc<Self>, code: &str) -> Result<Place, Failure> {
        let mut offerings = lock(&self.offerings);
        if offerings.len() >= MOST {
            return Err(Failure::new(
                Exit::Failure,
                "console.full",
                format!("{MOST} tables are in memory or being read already"),
            )
            .remedy("publish or discard one of them first"));
        }
        offerings.insert(code.to_owned(), None);
        Ok(Place { console: self.clone(), code: code.to_owned() })
    }
}

/// A place for a table; free again if it was not read when this is dropped.
struct Place {
    console: Arc<Console>,
    code: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut offerings = lock(&self.console.offerings);
        if let Some(None) = offerings.get(&self.code) {
            offerings.remove(&self.code);
        }
    }
}

impl Site for Console {
    const BRAND: Brand = Brand {
        name: "Galen console",
        command: "galen console",
        address: "127.0.0.1:4861",
        doors: &["/"],
        // Hierarchies and licences are written into forms.
        form_bytes: 4 << 20,
    };

    fn name(lang: Lang) -> &'static str {
        Words::of(lang).console
    }

    fn links(lang: Lang) -> Vec<(&'static str, &'static str)> {
        let t = Words::of(lang);
        vec![
            ("/", t.your_datasets),
            ("/offer", t.offer_dataset),
            ("/deals", t.deals),
            ("/money", t.money),
        ]
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn uploads(&self) -> Option<&Path> {
        Some(&self.uploads)
    }

    fn is_busy(&self) -> bool {
        self.works.is_busy()
    }

    fn respond(
        self: &Arc<Self>,
        asked: &Asked,
        sent: Sent,
        wallet: Arc<Wallet>,
    ) -> Result<Answer, Failure> {
        routes::respond(self, asked, sent, wallet)
    }
}

/// Starts to serve the console of one of a wallet's institutions.
///
/// # Errors
/// When there is no keystore, the address is not one of this machine's own or is taken, or another console
/// serves the same home directory.
pub async fn start(plan: Plan, index: u32) -> Result<Serving, Failure> {
    crate::loopback::start(plan, |desk| Console::new(desk, index)).await
}
