//! Pages for the browser of this machine: what the wallet's pages and the steward's console share.
//!
//! [`guard`] says who is let in, [`reader`] in which language, [`serve`] reads what was sent, [`reply`] writes
//! what every answer carries, [`upload`] takes files into a private folder, [`works`] does what takes long,
//! [`once`] keeps a form from being sent twice, [`refusals`] says failures in Chinese, [`views`] are the frame
//! of every page and the pages that both have, [`words`] their texts. Secrets live in this process while the
//! wallet is unlocked, and are dropped when it was left alone for a while. A [`Site`] is one of the two.
//! Depends on wallet and session, and on the portal's languages.

mod guard;
mod once;
mod reader;
mod refusals;
mod reply;
mod serve;
mod upload;
mod views;
pub(crate) mod words;
mod works;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use galen_web::connections::{self, Answering, Bounds};
use galen_web::lang::Lang;
use rand::Rng;
use rand::rngs::OsRng;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use warp::Filter;

use crate::error::{Exit, Failure};
use crate::session::Session;
use crate::wallet::{Keystore, KeystoreError, Password, Wallet};
use guard::Guard;

pub(crate) use once::Once;
pub(crate) use refusals::Wrong;
pub(crate) use reply::Answer;
pub(crate) use serve::{Asked, Sent, absent, page, parsed, scripted};
pub(crate) use upload::Upload;
pub(crate) use views::{Frame, amount, money, span};
pub(crate) use words::ended;
pub(crate) use works::{Said, State, Work, Works};

/// Connections of the browsers of this machine; and how long one may take to send a request's head,
/// short enough that a program which fills them all does not keep the owner out for long.
const CONNECTIONS: Bounds =
    Bounds { most: 256, each: 64, local: 256, head: Duration::from_secs(10) };
/// Pages that are made at a time; the others wait.
const AT_ONCE: usize = 4;
/// How often it is looked whether the wallet is to be locked, or the last work has ended.
const TICK: Duration = Duration::from_secs(1);

/// How to serve pages.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The home directory of keys and records.
    pub home: PathBuf,
    /// The node that is asked.
    pub node: String,
    /// Where to listen: an address of this machine only; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The wallet is locked when nobody used it for so long.
    pub idle: Duration,
}

/// What a server says of itself.
pub(crate) struct Brand {
    /// Where a browser asks for the code: letters of ASCII.
    pub name: &'static str,
    /// The command that prints the pairing code.
    pub command: &'static str,
    /// Where it listens unless told otherwise.
    pub address: &'static str,
    /// Pages to which other sites may link.
    pub doors: &'static [&'static str],
    /// Most bytes of a form, files apart.
    pub form_bytes: usize,
}

/// One set of pages.
pub(crate) trait Site: Send + Sync + Sized + 'static {
    /// What it says of itself.
    const BRAND: Brand;

    /// Its name.
    fn name(lang: Lang) -> &'static str;

    /// Path and words of what is linked at the top of every page.
    fn links(lang: Lang) -> Vec<(&'static str, &'static str)>;

    /// What both servers have.
    fn desk(&self) -> &Desk;

    /// The private folder for files that are sent with forms; without one none is taken.
    fn uploads(&self) -> Option<&Path>;

    /// Whether some work has not ended.
    fn is_busy(&self) -> bool;

    /// Whether a page's script asks for this, which reads no pages and is no person.
    fn is_for_script(_path: &str) -> bool {
        false
    }

    /// A script of a page, which is no secret.
    fn script(_path: &str) -> Option<&'static str> {
        None
    }

    /// Answers what a person with an unlocked wallet asks.
    fn respond(
        self: &Arc<Self>,
        asked: &Asked,
        sent: Sent,
        wallet: Arc<Wallet>,
    ) -> Result<Answer, Failure>;
}

/// The wallet, unlocked.
struct Open {
    wallet: Arc<Wallet>,
    used: Instant,
}

/// What every request sees.
pub(crate) struct Desk {
    pub plan: Plan,
    guard: Guard,
    /// In every form of these pages, and nowhere else.
    form_token: String,
    open: Mutex<Option<Open>>,
    pages: Semaphore,
}

/// A mutex of a thread that panicked is as good as any: what it holds is replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Random letters and digits, five bits each; none is taken for another.
pub(crate) fn random_code(letters: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    (0..letters).map(|_| char::from(ALPHABET[OsRng.gen_range(0..ALPHABET.len())])).collect()
}

impl Desk {
    fn keystore(&self) -> PathBuf {
        self.plan.home.join("keystore")
    }

    /// Asks the node.
    pub fn session(&self) -> Result<Session, Failure> {
        Session::connect(&self.plan.node, false)
    }

    /// The wallet, if it is unlocked. A person who uses it keeps it so; a page that loads itself again
    /// does not.
    fn wallet(&self, person: bool) -> Option<Arc<Wallet>> {
        let mut open = lock(&self.open);
        let open = open.as_mut().filter(|open| open.used.elapsed() < self.plan.idle)?;
        if person {
            open.used = Instant::now();
        }
        Some(open.wallet.clone())
    }

    fn unlock(&self, password: Password) -> Result<(), Failure> {
        let path = self.keystore();
        let wrong = |error: KeystoreError| Failure::from(error).at(path.display());
        let seed = Keystore::read(&path).map_err(wrong)?.open(&password).map_err(wrong)?;
        let wallet = Arc::new(Wallet::new(seed));
        *lock(&self.open) = Some(Open { wallet, used: Instant::now() });
        Ok(())
    }

    fn lock(&self) {
        *lock(&self.open) = None;
    }

    /// Locks the wallet when it was left alone. Work that goes on holds its keys until it ends.
    async fn lock_when_idle(&self) {
        loop {
            tokio::time::sleep(TICK).await;
            let mut open = lock(&self.open);
            if open.as_ref().is_some_and(|open| open.used.elapsed() >= self.plan.idle) {
                *open = None;
            }
        }
    }
}

/// Pages that are served.
pub struct Serving {
    address: SocketAddr,
    code: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The pairing code, as a person types it.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Stops, and forgets the keys. Work under way ends first.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Starts to serve the site that `make` makes.
///
/// # Errors
/// When there is no keystore, the address is not one of this machine's own, or it is taken.
pub(crate) async fn start<S: Site>(
    plan: Plan,
    make: impl FnOnce(Desk) -> Result<S, Failure>,
) -> Result<Serving, Failure> {
    if !plan.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "a wallet is served on this machine only, and {} can be reached from others",
            plan.listen
        ))
        .remedy(format!("use an address such as {}", S::BRAND.address)));
    }
    let keystore = plan.home.join("keystore");
    Keystore::read(&keystore).map_err(|error| Failure::from(error).at(keystore.display()))?;
    let taken = |error: std::io::Error| {
        let what = format!("cannot listen on {}: {error}", plan.listen);
        Failure::new(Exit::Failure, "wallet.listen", what).remedy("name another port with --listen")
    };
    let listener = tokio::net::TcpListener::bind(plan.listen).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let code = random_code(12);
    let site = Arc::new(make(Desk {
        guard: Guard::new(address.port(), &code, S::BRAND.doors),
        form_token: random_code(24),
        open: Mutex::default(),
        pages: Semaphore::new(AT_ONCE),
        plan,
    })?);
    let (stop, mut stopping) = watch::channel(false);
    let locking = {
        let site = site.clone();
        tokio::spawn(async move { site.desk().lock_when_idle().await })
    };
    let served = site.clone();
    let answers = warp::method()
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method, path: warp::path::FullPath, query: String, headers, body| {
            let site = served.clone();
            async move {
                let asked = Asked::new(method, path.as_str(), query, headers);
                serve::answer(site, asked, body).await
            }
        });
    let bounds = CONNECTIONS.within(connections::raise_open_files());
    let answering = move |_| Answering::new(warp::service(answers.clone()));
    let serving = connections::serve(listener, bounds, answering, async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    let task = tokio::spawn(async move {
        serving.await;
        locking.abort();
        site.desk().lock();
        while site.is_busy() {
            tokio::time::sleep(TICK / 10).await;
        }
    });
    Ok(Serving { address, code, stop, task })
}
