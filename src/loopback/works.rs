//! What takes long: each runs on a thread of its own, at most one of a name, and tells how far it is.
//! Depends on nothing but failures and the texts of the frame.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use galen_web::lang::Lang;

use super::lock;
use super::refusals::Wrong;
use super::words::Words;
use crate::error::{Exit, Failure};

/// Most works that are remembered; one that ended goes.
const MOST: usize = 256;

/// What a work says of itself, in both languages: it is told before anybody reads it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    english: String,
    chinese: String,
}

impl Said {
    /// What is said in each language.
    pub fn new(say: impl Fn(Lang) -> String) -> Self {
        Self { english: say(Lang::English), chinese: say(Lang::Chinese) }
    }

    /// It in a language.
    pub fn read(&self, lang: &Lang) -> &str {
        match lang {
            Lang::English => &self.english,
            Lang::Chinese => &self.chinese,
        }
    }

    fn beginning() -> Self {
        Self::new(|lang| Words::of(lang).beginning.to_owned())
    }
}

/// How a work is.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// It goes on: at what, and how far.
    Going { what: Said, done: u64, total: u64 },
    /// It is done, and there may be a page of what came of it.
    Done { what: Said, page: Option<String> },
    /// It failed.
    Failed(Wrong),
}

impl State {
    pub fn is_going(&self) -> bool {
        matches!(self, Self::Going { .. })
    }
}

/// Works by name.
pub(crate) struct Works<N>(Arc<Mutex<BTreeMap<N, State>>>);

impl<N> Default for Works<N> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<N: Ord + Clone + Send + 'static> Works<N> {
    pub fn state(&self, name: &N) -> Option<State> {
        lock(&self.0).get(name).cloned()
    }

    /// Whether any goes on.
    pub fn is_busy(&self) -> bool {
        lock(&self.0).values().any(State::is_going)
    }

    /// Forgets works that ended.
    pub fn forget(&self, which: impl Fn(&N) -> bool) {
        lock(&self.0).retain(|name, state| state.is_going() || !which(name));
    }

    /// Starts a work, unless the same is going on.
    pub fn start(
        &self,
        name: N,
        run: impl FnOnce(&mut Work<N>) -> Result<State, Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let mut works = lock(&self.0);
        if works.get(&name).is_some_and(State::is_going) {
            return Err(Failure::new(Exit::Failure, "wallet.busy", "this is being done already")
                .remedy("wait until it has ended"));
        }
        if works.len() >= MOST {
            let ended = works.iter().find(|(_, state)| !state.is_going());
            let ended = ended.map(|(name, _)| name.clone()).ok_or_else(|| {
                Failure::new(Exit::Failure, "wallet.busy", "too much is being done at once")
                    .remedy("wait until something has ended")
            })?;
            works.remove(&ended);
        }
        let going = State::Going { what: Said::beginning(), done: 0, total: 0 };
        works.insert(name.clone(), going);
        drop(works);
        let mut work = Work { works: Self(self.0.clone()), name };
        std::thread::spawn(move || {
            // A page that waits for ever is the worst end.
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut work)));
            let state = match ran {
                Ok(Ok(state)) => state,
                Ok(Err(failure)) => State::Failed(Wrong::from(&failure)),
                Err(_) => State::Failed(Wrong {
                    code: "wallet.failed".to_owned(),
                    message: "this failed by a fault of the program".to_owned(),
                    remedy: "look at the state of what it was about, and use the command line"
                        .to_owned(),
                }),
            };
            work.tell(state);
        });
        Ok(())
    }
}

/// A work, told from its thread.
pub(crate) struct Work<N> {
    works: Works<N>,
    name: N,
}

impl<N: Ord + Clone> Work<N> {
    fn tell(&self, state: State) {
        lock(&self.works.0).insert(self.name.clone(), state);
    }

    /// Says how far it is.
    pub fn at(&self, what: Said, done: u64, total: u64) {
        self.tell(State::Going { what, done, total });
    }

    /// Goes on under another name, and leaves this state under the old one.
    pub fn rename(&mut self, name: N, left: State) {
        let old = std::mem::replace(&mut self.name, name);
        // The new one is busy before anybody is sent to its page.
        self.at(Said::beginning(), 0, 0);
        lock(&self.works.0).insert(old, left);
    }
}
