//! Rows of cells as lines of CSV.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use galen_market::layout;
use galen_market::segment::SegmentError;

use crate::commit::OpenedColumn;
use crate::csv_out::{is_formula, write_record};
use crate::encode::decode_cell;
use crate::schema::Kind;

/// Rows that one task writes out.
pub(crate) const ROWS_A_TASK: usize = 4_096;

/// How the cells of a column are read.
pub(crate) struct Meaning<'a> {
    pub spec: &'a layout::Column,
    pub kind: Kind,
    pub dictionary: &'a [String],
}

impl Meaning<'_> {
    /// The text of a cell.
    pub fn text(&self, cell: u64) -> Result<String, SegmentError> {
        decode_cell(self.spec, &self.kind, self.dictionary, cell)
    }
}

/// The first cell without a meaning.
pub(crate) struct Fault {
    pub row: usize,
    pub column: usize,
}

/// Lines of CSV, and what was seen while they were made.
pub(crate) struct Lines {
    /// As they were packed.
    pub original: Vec<u8>,
    /// With formulas disarmed, if that was wished for.
    pub disarmed: Vec<u8>,
    pub fault: Option<Fault>,
    /// Cells of each column that a spreadsheet would take for formulas.
    pub formulas: Vec<u64>,
}

/// Texts of a column's cells, each made once.
struct Texts<'a> {
    meaning: &'a Meaning<'a>,
    kept: HashMap<u64, (String, bool)>,
}

impl Texts<'_> {
    fn text(&mut self, cell: u64) -> Result<&(String, bool), SegmentError> {
        match self.kept.entry(cell) {
            Entry::Occupied(text) => Ok(text.into_mut()),
            Entry::Vacant(place) => {
                let text = self.meaning.text(cell)?;
                // Numbers and dates are what they are.
                let formula = self.meaning.kind == Kind::Text && is_formula(&text);
                Ok(place.insert((text, formula)))
            }
        }
    }
}

/// The lines of some rows of a block.
pub(crate) fn lines(
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
        fault: None,
        formulas: vec![0; columns.len()],
    };
    for row in rows {
        let mut formula = false;
        let fields = texts.iter_mut().zip(opened).enumerate().map(|(column, (texts, opened))| {
            let cell = opened.cells.get(row).copied().unwrap_or(0);
            match texts.text(cell) {
                Ok((text, is_formula)) => {
                    made.formulas[column] += u64::from(*is_formula);
                    formula |= is_formula;
                    text.as_str()
                }
                Err(_) => {
                    made.fault.get_or_insert(Fault { row, column });
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
                Some((text, true)) => format!("'{text}"),
                Some((text, false)) => text.clone(),
                None => String::new(),
            }
        });
        let fields: Vec<String> = fields.collect();
        write_record(&mut made.disarmed, fields.iter().map(String::as_str))
            .expect("a vector takes every byte");
    }
    made
}
