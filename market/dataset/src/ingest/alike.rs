//! Texts that look alike but differ: one category, spelled in two ways, would count as two, and a
//! class that looks large would be two small ones. Depends on the confusables of Unicode's UTS 39.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use unicode_security::skeleton;

/// Two of these texts that look the same, by their positions; at least one of them is not ASCII, for
/// in codes `0` and `O` are told apart.
pub(super) fn alike<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<(usize, usize)> {
    if texts.clone().all(str::is_ascii) {
        return None;
    }
    let mut seen: HashMap<String, (usize, bool)> = HashMap::new();
    for (at, text) in texts.enumerate() {
        match seen.entry(skeleton(text).collect()) {
            Entry::Vacant(place) => {
                place.insert((at, text.is_ascii()));
            }
            Entry::Occupied(known) => {
                let (first, ascii) = *known.get();
                if !ascii || !text.is_ascii() {
                    return Some((first, at));
                }
            }
        }
    }
    None
}

/// The first character of either that is not the other's, as a code point.
pub(super) fn difference(first: &str, second: &str) -> u32 {
    let (mut a, mut b) = (first.chars(), second.chars());
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            // The one that is not ASCII is the one to look for.
            (Some(x), Some(y)) if x.is_ascii() => return u32::from(y),
            (Some(x), _) => return u32::from(x),
            (None, Some(y)) => return u32::from(y),
            (None, None) => return 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_told_from_codes() {
        let pair = |texts: &[&str]| alike(texts.iter().copied());
        assert_eq!(pair(&["O1", "01", "l1"]), None, "codes in ASCII");
        assert_eq!(pair(&["male", "m\u{430}le"]), Some((0, 1)), "a Cyrillic letter");
        assert_eq!(pair(&["x", "caf\u{e9}", "cafe\u{301}"]), Some((1, 2)), "two ways of an accent");
        assert_eq!(pair(&["5 \u{b5}g", "5 \u{3bc}g"]), Some((0, 1)), "two signs for micro");
        assert_eq!(pair(&["naïve", "naive", "é"]), None);
        assert_eq!(difference("male", "m\u{430}le"), 0x430);
        assert_eq!(difference("m\u{430}le", "male"), 0x430);
        assert_eq!(difference("caf", "cafe"), u32::from('e'));
    }
}
