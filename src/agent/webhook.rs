//! Calls to a person: what the agent may not or cannot do by itself is told to an address that the policy
//! names, signed, and tried again for a while. Calls wait in a bounded queue of a thread of their own, so
//! that no delivery waits for them. Depends on the policy; holds the key that signs and sends no other
//! secret.
//!
//! The body is JSON ([`Call`]). `Galen-Signature` is `t=<seconds>,v1=<hex>`: the HMAC-SHA-256 of
//! `<seconds>.<body>` under the key. `Galen-Event` names the event; the same event may come twice.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use galen_market::amount::Money;
use galen_market::id::{AccountId, ChainId, DealId, PackageId};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::policy::{Hook, Need};
use crate::error::Failure;
use crate::wallet::{Wallet, file};

/// Most calls that wait.
const QUEUE: usize = 256;
/// The time of one try.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The wait after the first try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=4096;

/// What a person is told. All of it is public.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Names the event.
    pub event: String,
    /// Why a person is needed.
    pub need: Need,
    /// The same in words.
    pub words: String,
    /// The ledger.
    pub chain: ChainId,
    /// The institution.
    pub institution: AccountId,
    /// The deal.
    pub deal: DealId,
    /// What is bought.
    pub package: PackageId,
    /// For how much.
    pub price: Money,
    /// Up-time until the deal's present deadline, in milliseconds.
    pub remaining_ms: Option<u64>,
    /// What to do.
    pub remedy: String,
}

/// The name of an event: one for each need of a deal.
#[must_use]
pub fn event(deal: &DealId, need: Need) -> String {
    let name = match need {
        Need::Review => "review",
        Need::Package => "package",
        Need::Price => "price",
        Need::Limit => "limit",
        Need::Failed => "failed",
        Need::TooLate => "too-late",
    };
    format!("{deal}-{name}")
}

/// The key that signs.
pub struct HookKey(Zeroizing<Vec<u8>>);

impl HookKey {
    /// A key of 16 to 4096 bytes.
    ///
    /// # Errors
    /// When there are fewer or more.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, String> {
        if KEY_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(format!("a key has {} to {} bytes", KEY_BYTES.start(), KEY_BYTES.end()))
        }
    }

    /// The key in a file, without line ends around it.
    ///
    /// # Errors
    /// When it cannot be read, or is too short or too long.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = file::read_bounded(path, 2 * *KEY_BYTES.end() as u64)
            .map_err(|error| Failure::file(path, &error))?;
        let bytes = Zeroizing::new(bytes);
        let key = Zeroizing::new(bytes.trim_ascii().to_vec());
        Self::new(key).map_err(|what| {
            Failure::input(path, what).remedy("make one with `openssl rand -hex 32`")
        })
    }

    /// The signature of a body at a time, in seconds since 1970.
    #[must_use]
    pub fn sign(&self, seconds: u64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
    }
}

impl From<&Wallet> for HookKey {
    fn from(wallet: &Wallet) -> Self {
        Self(Zeroizing::new(wallet.webhook().to_vec()))
    }
}

impl std::fmt::Debug for HookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookKey(..)")
    }
}

/// How a call went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// The receiver took it.
    Yes(String),
    /// It was given up for now.
    No {
        /// The event.
        event: String,
        /// Why.
        why: String,
    },
}

/// A thread that calls.
pub struct Caller {
    queue: Option<SyncSender<Call>>,
    told: Arc<Mutex<Vec<Told>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Caller {
    /// Starts to call.
    #[must_use]
    pub fn start(hook: &Hook, key: HookKey) -> Self {
        let (queue, calls) = sync_channel(QUEUE);
        let told = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            agent: ureq::Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .max_redirects(0)
                .http_status_as_error(false)
                .user_agent(concat!("galen-agent/", env!("CARGO_PKG_VERSION")))
                .build()
                .new_agent(),
            hook: hook.clone(),
            key,
            told: told.clone(),
            stop: stop.clone(),
        };
        let thread = std::thread::spawn(move || work.run(&calls));
        Self { queue: Some(queue), told, stop, thread: Some(thread) }
    }

    /// Queues a call; false if the queue is full. Never waits.
    pub fn call(&self, call: Call) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.try_send(call).is_ok())
    }

    /// How the calls went that ended since this was last asked.
    pub fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends after the calls that wait were tried once more, and says how they went.
    pub fn finish(mut self) -> Vec<Told> {
        self.end();
        self.told()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.end();
    }
}

struct Work {
    agent: ureq::Agent,
    hook: Hook,
    key: HookKey,
    told: Arc<Mutex<Vec<Told>>>,
    stop: Arc<AtomicBool>,
}

impl Work {
    fn run(&self, calls: &Receiver<Call>) {
        for call in calls {
            let told = match self.tell(&call) {
                Ok(()) => Told::Yes(call.event),
                Err(why) => Told::No { event: call.event, why },
            };
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        }
    }

    fn tell(&self, call: &Call) -> Result<(), String> {
        let body = serde_json::to_vec(call).map_err(|error| error.to_string())?;
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let why = match self.try_once(&call.event, &body) {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            // Whoever stops the agent does not wait for a receiver that is away.
            if attempt >= self.hook.attempts || self.pause(wait) {
                return Err(format!("{why} (tried {attempt} times)"));
            }
            attempt += 1;
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
    }

    fn try_once(&self, event: &str, body: &[u8]) -> Result<(), String> {
        let seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let answer = self
            .agent
            .post(&self.hook.url)
            .header("content-type", "application/json")
            .header("galen-event", event)
            .header("galen-signature", self.key.sign(seconds, body))
            .send(body);
        match answer {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("the webhook answers {}", response.status())),
            Err(error) => Err(format!("the webhook cannot be reached: {error}")),
        }
    }

    /// Waits; true if the agent stops meanwhile.
    fn pause(&self, mut left: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(50);
        while !self.stop.load(Ordering::Relaxed) {
            if left.is_zero() {
                return false;
            }
            let step = left.min(STEP);
            std::thread::sleep(step);
            left = left.saturating_sub(step);
        }
        true
    }
}

#[cfg(test)]
mod tests;
