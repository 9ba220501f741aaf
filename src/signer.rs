//! The wallet as a page of this machine: `galen wallet serve`.
//!
//! A portal is trusted with nothing, so a purchase that begins on a portal's page ends here: the portal
//! links to this server on loopback, and this server shows what would be signed, out of what it asked
//! its own node, and signs when a person says so. No script of a portal can talk to it and nothing about
//! the holder is ever answered to one: [`guard`] lets in the wallet's own pages and plain links to them,
//! with the pairing code. Secrets live in this process while the wallet is unlocked, and are dropped when
//! it was left alone for a while.
//!
//! [`orders`] are what was shown and may be signed; [`work`] does what takes long, [`routes`] answers and
//! [`views`] are the pages, which need no script. Depends on the operations of this package, as the
//! command line does; the node is asked over HTTP.

mod guard;
mod orders;
mod routes;
mod views;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use galen_web::connections::{self, Answering, Bounds};
use rand::Rng;
use rand::rngs::OsRng;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use warp::Filter;

use crate::error::{Exit, Failure};
use crate::session::Session;
use crate::wallet::{Keystore, Password, Wallet};
use guard::Guard;
use orders::Orders;
use work::Works;

/// How long a body may take to come, which is a form of some hundred bytes.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Connections of the browsers of this machine; and how long one may take to send a request's head,
/// short enough that a program which fills them all does not keep the owner out for long.
const CONNECTIONS: Bounds =
    Bounds { most: 256, each: 64, local: 256, head: Duration::from_secs(10) };
/// Pages that are made at a time; the others wait.
const AT_ONCE: usize = 4;
/// How often it is looked whether the wallet is to be locked.
const TICK: Duration = Duration::from_secs(1);

/// How to serve a wallet.
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

/// The wallet, unlocked.
struct Open {
    wallet: Arc<Wallet>,
    used: Instant,
}

/// What every request sees.
struct Signer {
    plan: Plan,
    guard: Guard,
    /// In every form of these pages, and nowhere else.
    form_token: String,
    open: Mutex<Option<Open>>,
    orders: Mutex<Orders>,
    works: Mutex<Works>,
    pages: Semaphore,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Random letters and digits, five bits each; none is taken for another.
fn random_code(letters: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    (0..letters).map(|_| char::from(ALPHABET[OsRng.gen_range(0..ALPHABET.len())])).collect()
}

impl Signer {
    fn keystore(&self) -> PathBuf {
        self.plan.home.join("keystore")
    }

    fn session(&self) -> Result<Session, Failure> {
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
        let wrong = |error: crate::wallet::KeystoreError| Failure::from(error).at(path.display());
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

/// A wallet that is served.
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

/// Starts to serve a wallet.
///
/// # Errors
/// When there is no keystore, the address is not one of this machine's own, or it is taken.
pub async fn start(plan: Plan) -> Result<Serving, Failure> {
    if !plan.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "a wallet is served on this machine only, and {} can be reached from others",
            plan.listen
        ))
        .remedy("use an address such as 127.0.0.1:4860"));
    }
    let keystore = plan.home.join("keystore");
    Keystore::read(&keystore).map_err(|error| Failure::from(error).at(keystore.display()))?;
    let taken = |error: std::io::Error| {
        Failure::new(
            Exit::Failure,
            "wallet.listen",
            format!("cannot listen on {}: {error}", plan.listen),
        )
        .remedy("name another port with --listen")
    };
    let listener = tokio::net::TcpListener::bind(plan.listen).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let code = random_code(12);
    let signer = Arc::new(Signer {
        guard: Guard::new(address.port(), &code),
        form_token: random_code(24),
        open: Mutex::default(),
        orders: Mutex::default(),
        works: Mutex::default(),
        pages: Semaphore::new(AT_ONCE),
        plan,
    });
    let (stop, mut stopping) = watch::channel(false);
    let locking = {
        let signer = signer.clone();
        tokio::spawn(async move { signer.lock_when_idle().await })
    };
    let served = signer.clone();
    let answers = warp::method()
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method, path: warp::path::FullPath, query: String, headers, body| {
            let signer = served.clone();
            async move {
                let asked =
                    routes::Asked { method, path: path.as_str().to_owned(), query, headers };
                routes::answer(signer, asked, body).await
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
        signer.lock();
        work::wait_for_all(&signer).await;
    });
    Ok(Serving { address, code, stop, task })
}
