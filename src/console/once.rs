//! Names of forms that are sent once: each page has its own, so that a second click does nothing twice.
//! Depends on nothing but failures.

use std::collections::VecDeque;

use crate::error::{Exit, Failure};
use crate::loopback::random_code;

/// Names that are kept; the oldest goes.
const MOST: usize = 64;

/// Names that were given out and not used.
#[derive(Default)]
pub(super) struct Once(VecDeque<String>);

impl Once {
    /// A new name.
    pub fn give(&mut self) -> String {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        let name = random_code(20);
        self.0.push_back(name.clone());
        name
    }

    /// Uses a name up.
    pub fn take(&mut self, name: &str) -> Result<(), Failure> {
        let at = self.0.iter().position(|given| given == name);
        at.and_then(|at| self.0.remove(at)).map(drop).ok_or_else(|| {
            Failure::new(
                Exit::Failure,
                "console.sent",
                "this was sent already, or was shown too long ago",
            )
            .remedy("look at what became of it on the page of money; if nothing did, send it from there")
        })
    }
}
