//! What is wrong with a table without a word of its cells: errors of the packages below may quote a cell,
//! for whoever reads his own terminal; a page gives its place. Depends on preparation.

use std::collections::BTreeSet;

use galen_dataset::hierarchy::{Hierarchy, HierarchyError, Spec};
use galen_dataset::ingest::{IngestError, Ingested};
use galen_dataset::schema::Column;

use crate::error::{Exit, Failure};

/// The hierarchy of a column; what does not fit is said with the place of the first such cell.
pub(super) fn hierarchy(
    table: &Ingested,
    column: &Column,
    spec: &Spec,
) -> Result<Hierarchy, Failure> {
    Hierarchy::build(column, spec).map_err(|error| {
        let name = &column.name;
        let said = match &error {
            HierarchyError::NotANumber { value, .. } => format!(
                "column `{name}`, {}: the cell is not a plain decimal number, so intervals cannot be made; \
                 use levels of your own, or the value or nothing",
                first(table, column, |text| text == value)
            ),
            HierarchyError::Uncovered { count, .. } => {
                let covered: BTreeSet<&str> = match spec {
                    Spec::Rows(rows) => rows.iter().filter_map(|row| Some(row.first()?.as_str())).collect(),
                    _ => BTreeSet::new(),
                };
                format!(
                    "column `{name}`: the levels have no line for {count} values of the data; the first is in {}",
                    first(table, column, |text| !text.is_empty() && !covered.contains(text))
                )
            }
            _ => return error.into(),
        };
        Failure::new(Exit::Input, "hierarchy", said)
            .remedy("correct the levels, or choose other groups")
    })
}

/// The place of the first cell of a column of which something is true.
fn first(table: &Ingested, column: &Column, is: impl Fn(&str) -> bool) -> String {
    let row = (0..column.codes.len()).find(|row| is(column.cell(*row)));
    let place = row.and_then(|row| table.lines.get(row));
    place.map_or_else(|| "a row".to_owned(), |place| format!("{} {place}", table.places))
}

/// Why a file was not read.
pub(super) fn unread(error: IngestError) -> Failure {
    match error {
        // Of a table without a line of names, a name is a cell.
        IngestError::DuplicateName { field, .. } => Failure::new(
            Exit::Input,
            "csv.duplicate_name",
            format!("column {field} has the name of an earlier column"),
        )
        .remedy("give every column a name of its own in the first line; if that is a row of data, put a line of names above it"),
        error => error.into(),
    }
}

/// Columns, counted from 1, whose names look like cells: numbers, dates, or what stands below them too.
pub(super) fn names_like_cells(table: &Ingested) -> Vec<usize> {
    let columns = (1..).zip(&table.table.columns);
    columns.filter(|(_, column)| looks_like_a_cell(column)).map(|(at, _)| at).collect()
}

fn looks_like_a_cell(column: &Column) -> bool {
    let name = column.name.trim();
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let marks = name.bytes().all(|byte| byte.is_ascii_digit() || b"+-.,:/ T".contains(&byte));
    // A number, a day or a time, in whatever way it is written.
    let measured = digits > 0 && marks;
    let named = name.contains('@') || name.starts_with("http") || digits > 4;
    measured
        || named
        || column.dictionary.iter().any(|text| !text.is_empty() && *text == column.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_dataset::ingest::{Options, read};

    use super::*;

    fn table(text: &str) -> Ingested {
        read(text.as_bytes(), &Options::default()).unwrap()
    }

    #[test]
    fn names_of_a_table_without_a_line_of_names_look_like_cells() {
        let bare = table(
            "Ann Smith,1972-03-01,f,7.5,ann@example.org\nBo Jones,1980-01-02,f,6.1,b@x.org\n",
        );
        assert_eq!(names_like_cells(&bare), [2, 3, 4, 5]);
        let named = table("patient,age,sex,hba1c,icd10,2nd visit\nAnn,40,f,7.5,E11,x\n");
        assert_eq!(names_like_cells(&named), [0usize; 0]);
    }

    #[test]
    fn what_is_wrong_is_said_with_places_and_without_cells() {
        let it = table("name,n\nAnn,1\nPerson 0,x7\n");
        let rows = Spec::Rows(vec![vec!["Ann".to_owned(), "*".to_owned()]]);
        let by_two =
            Spec::Intervals { width: "2".to_owned(), origin: None, bottom: None, top: None };
        for (at, spec, cell) in [(0, rows, "Person 0"), (1, by_two, "x7")] {
            let column = &it.table.columns[at];
            let raw = Hierarchy::build(column, &spec).unwrap_err().to_string();
            assert!(raw.contains(cell), "{raw}");
            let said = hierarchy(&it, column, &spec).unwrap_err().to_string();
            assert!(said.contains("line 3") && !said.contains(cell), "{said}");
        }
        let twice = read(&b"Ann,Ann\nBo,Bo\n"[..], &Options::default()).unwrap_err();
        assert!(twice.to_string().contains("Ann"));
        let said = unread(twice).to_string();
        assert!(said.contains("column 2") && !said.contains("Ann"), "{said}");
    }
}
