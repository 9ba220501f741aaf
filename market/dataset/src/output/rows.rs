//! Rows of cells as lines of CSV, some at a time: a word of a dictionary may stand in every row, so that
//! a small block becomes long lines.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use galen_market::layout;
use galen_market::segment::SegmentError;
use rayon::prelude::*;

use crate::commit::OpenedColumn;
use crate::csv_out::{is_formula, write_record};
use crate::encode::decode_cell;
use crate::schema::Kind;

/// Most bytes of lines that are held at a time, but for a line that is longer.
pub(crate) const HELD_BYTES: usize = 16 << 20;
/// Tasks that make lines at a time.
const TASKS: usize = 8;
/// Longest number or day, with what stands around it.
const NUMBER_BYTES: usize = 24;

/// How the cells of a column are read.
pub(crate) struct Meaning<'a> {
    pub spec: &'a layout::Column,
    pub kind: Kind,
    pub dictionary: &'a [String],
}

impl<'a> Meaning<'a> {
    /// The text of a cell.
    pub fn text(&self, cell: u64) -> Result<Cow<'a, str>, SegmentError> {
        match self.word(cell) {
            Some(word) => Ok(Cow::Borrowed(word)),
            None => decode_cell(self.spec, &self.kind, self.dictionary, cell).map(Cow::Owned),
        }
    }

    /// The word of the dictionary that a cell names.
    pub fn word(&self, cell: u64) -> Option<&'a str> {
        let code = usize::try_from(cell.checked_sub(1)?).ok()?;
        self.dictionary.get(code).map(String::as_str)
    }
}

/// The first cell without a meaning.
pub(crate) struct Fault {
    pub row: usize,
    pub column: usize,
}

/// What was seen in some rows.
pub(crate) struct Seen {
    pub fault: Option<Fault>,
    /// Cells of each column that a spreadsheet would take for formulas.
    pub formulas: Vec<u64>,
}

/// Some rows of a block.
pub(crate) struct Piece {
    pub rows: Range<usize>,
    /// Most bytes that their lines may have.
    pub bytes: usize,
}

/// A block in pieces whose lines are held together; a line too long to be held is a piece of its own.
pub(crate) fn pieces(columns: &[Meaning<'_>], opened: &[OpenedColumn], rows: usize) -> Vec<Piece> {
    let mut bounds = vec![0usize; rows];
    for (column, opened) in columns.iter().zip(opened) {
        for (bound, cell) in bounds.iter_mut().zip(&opened.cells) {
            // Every letter may be a quote, which is doubled; two quotes, an apostrophe and a comma.
            let field = column.word(*cell).map_or(NUMBER_BYTES, |word| 2 * word.len() + 4);
            *bound = bound.saturating_add(field);
        }
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for (row, bytes) in bounds.into_iter().enumerate() {
        match pieces.last_mut() {
            Some(piece) if piece.bytes.saturating_add(bytes) <= HELD_BYTES => {
                piece.rows.end = row + 1;
                piece.bytes += bytes;
            }
            _ => pieces.push(Piece { rows: row..row + 1, bytes }),
        }
    }
    pieces
}

/// Lines of CSV, and what was seen while they were made.
pub(crate) struct Lines {
    /// As they were packed.
    pub original: Vec<u8>,
    /// With formulas disarmed, if that was wished for.
    pub disarmed: Vec<u8>,
    pub seen: Seen,
}

/// Texts of a column's cells, each made once.
struct Texts<'a> {
    meaning: &'a Meaning<'a>,
    kept: HashMap<u64, (Cow<'a, str>, bool)>,
}

impl Texts<'_> {
    fn text(&mut self, cell: u64) -> Result<(&str, bool), SegmentError> {
        let (text, formula) = match self.kept.entry(cell) {
            Entry::Occupied(text) => text.into_mut(),
            Entry::Vacant(place) => {
                let text = self.meaning.text(cell)?;
                // Numbers and dates are what they are.
                let formula = self.meaning.kind == Kind::Text && is_formula(&text);
                place.insert((text, formula))
            }
        };
        Ok((text, *formula))
    }
}

/// The lines of the rows of a piece, made by all cores.
pub(crate) fn lines(
    columns: &[Meaning<'_>],
    opened: &[OpenedColumn],
    rows: Range<usize>,
    disarm: bool,
) -> Vec<Lines> {
    let task = rows.len().div_ceil(TASKS).max(1);
    let tasks = rows.len().div_ceil(task);
    let made = (0..tasks).into_par_iter().map(|number| {
        let from = rows.start + number * task;
        some_lines(columns, opened, from..rows.end.min(from + task), disarm)
    });
    made.collect()
}

fn some_lines(
    columns: &[Meaning<'_>],
    opened: &[OpenedColumn],
    rows: Range<usize>,
    disarm: bool,
) -> Lines {
    let mut texts: Vec<Texts<'_>> =
        columns.iter().map(|meaning| Texts { meaning, kept: HashMap::new() }).collect();
    let mut made = Lines {
        original: Vec::new(),
        disarmed: Vec::new(),
        seen: Seen { fault: None, formulas: vec![0; columns.len()] },
    };
    for row in rows {
        let mut formula = false;
        let seen = &mut made.seen;
        let fields = texts.iter_mut().zip(opened).enumerate().map(|(column, (texts, opened))| {
            let cell = opened.cells.get(row).copied().unwrap_or(0);
            match texts.text(cell) {
                Ok((text, is_formula)) => {
                    seen.formulas[column] += u64::from(is_formula);
                    formula |= is_formula;
                    text
                }
                Err(_) => {
                    seen.fault.get_or_insert(Fault { row, column });
                    ""
                }
            }
        });
        let from = made.original.len();
        write_record(&mut made.original, fields).expect("a vector takes every byte");
        if !disarm {
            continue;
        }
        if !formula {
            made.disarmed.extend_from_slice(&made.original[from..]);
            continue;
        }
        let fields = texts.iter().zip(opened).map(|(texts, opened)| {
            let cell = opened.cells.get(row).copied().unwrap_or(0);
            match texts.kept.get(&cell) {
                Some((text, true)) => Cow::Owned(format!("'{text}")),
                Some((text, false)) => Cow::Borrowed(&**text),
                None => Cow::Borrowed(""),
            }
        });
        let fields: Vec<Cow<'_, str>> = fields.collect();
        write_record(&mut made.disarmed, fields.iter().map(AsRef::as_ref))
            .expect("a vector takes every byte");
    }
    made
}

/// The fields of a row, of which no word is copied.
pub(crate) fn fields<'a>(
    columns: &[Meaning<'a>],
    opened: &[OpenedColumn],
    row: usize,
) -> (Vec<Cow<'a, str>>, Seen) {
    let mut seen = Seen { fault: None, formulas: Vec::with_capacity(columns.len()) };
    let mut fields = Vec::with_capacity(columns.len());
    for (column, (meaning, opened)) in columns.iter().zip(opened).enumerate() {
        let text = meaning.text(opened.cells.get(row).copied().unwrap_or(0));
        let text = text.unwrap_or_else(|_| {
            seen.fault.get_or_insert(Fault { row, column });
            Cow::Borrowed("")
        });
        seen.formulas.push(u64::from(meaning.kind == Kind::Text && is_formula(&text)));
        fields.push(text);
    }
    (fields, seen)
}

/// Looks for a cell without a meaning, and makes no line.
pub(crate) fn look(columns: &[Meaning<'_>], opened: &[OpenedColumn], rows: Range<usize>) -> Seen {
    let bad = |row: usize| {
        let cells = columns
            .iter()
            .zip(opened)
            .map(|(meaning, opened)| meaning.text(opened.cells.get(row).copied().unwrap_or(0)));
        let column = cells.enumerate().find_map(|(column, text)| text.is_err().then_some(column));
        Some(Fault { row, column: column? })
    };
    Seen { fault: rows.into_iter().find_map(bad), formulas: vec![0; columns.len()] }
}
