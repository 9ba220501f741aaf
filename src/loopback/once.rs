//! What a page showed and a form may do once: each form carries a random name, which is used up, so that a
//! second click does nothing twice. Depends on nothing but failures.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::random_code;
use crate::error::{Exit, Failure};

/// Forms that are kept; the oldest goes.
const MOST: usize = 64;
/// How long a form may be sent after it was shown.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// What forms may do, by their names.
pub(crate) struct Once<T>(BTreeMap<String, (Instant, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Once<T> {
    /// Keeps what a form may do; the form's name.
    pub fn keep(&mut self, what: T) -> String {
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, (made, _))| *made);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&name);
            }
        }
        let name = random_code(20);
        self.0.insert(name.clone(), (Instant::now(), what));
        name
    }

    /// Takes what a form may do, which cannot be taken again; `look` says where to see what became of it.
    ///
    /// # Errors
    /// When it was taken, is too old, or was never shown.
    pub fn take(&mut self, name: &str, look: &str) -> Result<T, Failure> {
        let kept = self.0.remove(name).filter(|(made, _)| made.elapsed() < LIFE);
        kept.map(|(_, what)| what).ok_or_else(|| {
            let why = "this was sent already, or was shown too long ago";
            Failure::new(Exit::Failure, "form.sent", why).remedy(look)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_form_is_sent_once_and_the_oldest_goes() {
        let mut once = Once::default();
        let take = |once: &mut Once<usize>, name: &str| once.take(name, "look");
        let names: Vec<String> = (0..=MOST).map(|n| once.keep(n)).collect();
        assert_eq!(
            take(&mut once, &names[0]).unwrap_err().code(),
            "form.sent",
            "it was pushed out"
        );
        assert_eq!(take(&mut once, &names[1]).unwrap(), 1);
        assert_eq!(take(&mut once, &names[1]).unwrap_err().code(), "form.sent", "it was sent");
        assert_eq!(take(&mut once, "guessed").unwrap_err().code(), "form.sent");
        once.0.get_mut(&names[2]).unwrap().0 = Instant::now().checked_sub(LIFE).unwrap();
        assert_eq!(take(&mut once, &names[2]).unwrap_err().code(), "form.sent", "it is too old");
    }
}
