//! Texts that must not become cells, whatever file they come from. Depends on nothing else of the
//! crate.

/// Characters that change nothing one can see let one category pass for another.
pub(crate) fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{61c}'
        | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{180e}'
        | '\u{fff9}'..='\u{fffb}' | '\u{80}'..='\u{9f}' | '\u{ad}')
}

/// Bytes that no text file holds.
pub(super) fn binary(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f
}

/// Why a text cannot be a cell, in words.
pub(super) fn unfit(text: &str) -> Option<String> {
    text.chars().find_map(|c| {
        if c.is_ascii() && binary(c as u8) {
            Some(format!("byte 0x{:02x} does not belong in a text", c as u8))
        } else if invisible(c) {
            Some(format!(
                "invisible character U+{:04X}, which makes different texts look alike; remove it",
                u32::from(c)
            ))
        } else {
            None
        }
    })
}
