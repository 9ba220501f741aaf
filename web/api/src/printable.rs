//! Texts of others, made fit to be shown: on a terminal, on a page, in a feed.
//!
//! What the ledger and manifests take as text may hold characters that are not seen and change what is:
//! those that turn the order of others round (Trojan Source, Boucher and Anderson 2021), that have no
//! width, that control a terminal, or that XML forbids. Depends on nothing.

/// Whether a character is seen, or only joins and divides letters as some scripts need.
#[must_use]
pub fn is_printable(letter: char) -> bool {
    let never = matches!(letter,
        // Marks and embeddings of direction, and the separators that end a paragraph of it.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{2028}' | '\u{2029}'
        // No width: spaces, joiners of words, operators, old format characters, tags.
        | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        // Characters that are none.
        | '\u{fdd0}'..='\u{fdef}');
    !(never || letter.is_control() || u32::from(letter) & 0xfffe == 0xfffe)
}

fn replaced(text: &str, stays: impl Fn(char) -> bool) -> String {
    let each = |letter| if stays(letter) { letter } else { char::REPLACEMENT_CHARACTER };
    text.chars().map(each).collect()
}

/// A text in a line, with what is not printable made visible.
#[must_use]
pub fn printable(text: &str) -> String {
    replaced(text, is_printable)
}

/// The same for a text of lines, such as a page. Nearly every page is fit as it is, and most of it plain
/// bytes, which are passed over without looking at letters.
#[must_use]
pub fn printable_lines(text: String) -> String {
    let stays = |letter| matches!(letter, '\n' | '\r' | '\t') || is_printable(letter);
    let mut rest = text.as_str();
    while let Some(at) = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~' | b'\n')) {
        // A byte of ASCII stands before it, so that a letter begins here.
        let mut letters = rest[at..].chars();
        if !letters.next().is_none_or(stays) {
            return replaced(&text, stays);
        }
        rest = letters.as_str();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adversary_51_what_is_not_seen_is_made_visible() {
        let bad = [
            '\0',
            '\u{1}',
            '\u{1b}',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fdd0}',
            '\u{fffe}',
            '\u{ffff}',
            '\u{1ffff}',
            '\u{10fffe}',
            '\u{e0041}',
        ];
        for letter in bad {
            assert_eq!(printable(&format!("a{letter}b")), "a\u{fffd}b", "{letter:?}");
        }
        // Letters of every script, their joiners and marks, and what is shown in place of another.
        for good in [
            "Größe",
            "数据集",
            "می\u{200c}خواهم",
            "👩\u{200d}🔬",
            "e\u{301}",
            "שלום",
            "\u{fffd}",
            "\u{10fffd}",
        ] {
            assert_eq!(printable(good), good);
        }
        let lines = |text: &str| printable_lines(text.to_owned());
        assert_eq!(lines("a\r\n\tb\u{202e}\u{c}"), "a\r\n\tb\u{fffd}\u{fffd}");
        for fit in ["", "a\r\n\tb", "数据集\n", "ö", "a\u{10fffd}"] {
            assert_eq!(lines(fit), fit);
        }
        for letter in bad.into_iter().filter(|letter| *letter != '\n') {
            assert_eq!(lines(&format!("数{letter}")), "数\u{fffd}", "{letter:?}");
            assert_eq!(lines(&format!("{letter}\n据")), "\u{fffd}\n据", "{letter:?}");
        }
    }
}
