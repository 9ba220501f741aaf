//! The page of columns: proposed roles, what could name a person, and how quasi-identifiers are grouped.

use askama::Template;
use galen_dataset::deidentify::PersonRule;
use galen_dataset::hierarchy::{Hierarchy, Spec};
use galen_dataset::ingest::Places;
use galen_dataset::roles::Role;
use galen_dataset::schema::Column;
use galen_market::layout::BlockRows;
use galen_web::lang::fill;

use super::percent;
use crate::console::Console;
use crate::console::offering::Offering;
use crate::console::places;
use crate::console::words::{Words, said};
use crate::error::Failure;
use crate::loopback::words::one;
use crate::loopback::{Frame, Wrong};

/// Groups that are shown of a level.
const GROUPS: usize = 8;
/// Lines of a hierarchy that are written into its field.
const MAX_LINES: usize = 20_000;

/// The roles in the order in which they are offered.
const ROLES: [Role; 6] = [
    Role::Identifier,
    Role::Person,
    Role::QuasiIdentifier,
    Role::Sensitive,
    Role::Insensitive,
    Role::Drop,
];

#[derive(Template)]
#[template(path = "columns.html")]
pub(in crate::console) struct Columns {
    frame: Frame,
    t: &'static Words,
    code: String,
    file: String,
    rows: u64,
    /// What the places of findings are.
    first: &'static str,
    /// Columns whose names look like cells, by their numbers; none if none does.
    cells: String,
    columns: Vec<ColumnRow>,
    findings: Vec<FindingRow>,
    groups: Vec<Groups>,
    l: String,
    suppression: String,
    all_rows: bool,
    persons: bool,
    blank: bool,
    small: bool,
}

struct ColumnRow {
    at: usize,
    name: String,
    kind: String,
    distinct: u64,
    missing: u64,
    reason: String,
    translated: bool,
    roles: Vec<(String, &'static str, bool)>,
}

struct FindingRow {
    column: String,
    what: &'static str,
    cells: u64,
    line: String,
    evidence: String,
    advice: &'static str,
}

/// How one quasi-identifier is grouped.
struct Groups {
    at: usize,
    name: String,
    hows: Vec<(&'static str, &'static str, bool)>,
    width: String,
    bottom: String,
    top: String,
    lines: String,
    low: usize,
    levels: Vec<LevelRow>,
    /// Why there is no preview.
    wrong: Option<Wrong>,
}

struct LevelRow {
    level: usize,
    groups: usize,
    smallest: u64,
    loss: String,
    /// The largest groups with their rows; none of the values themselves.
    shown: String,
}

pub(in crate::console) fn columns(
    console: &Console,
    frame: Frame,
    code: &str,
) -> Result<Columns, Failure> {
    console.with(code, |it| Ok(shown(it, code, frame)))
}

fn shown(it: &Offering, code: &str, frame: Frame) -> Columns {
    let seen = &it.inspection;
    let lang = frame.lang;
    let t = Words::of(lang);
    let columns = (0..).zip(&seen.columns).map(|(at, column)| {
        let (reason, translated) = said::reason(lang, &column.reason);
        ColumnRow {
            at,
            name: column.name.clone(),
            kind: said::kind(t, column.kind),
            distinct: column.distinct,
            missing: column.missing,
            reason,
            translated,
            roles: ROLES
                .iter()
                .map(|role| (role.to_string(), said::role(t, *role), *role == column.role))
                .collect(),
        }
    });
    let findings = seen.findings.iter().map(|finding| FindingRow {
        column: finding.column.clone(),
        what: said::category(lang, finding.category),
        cells: finding.cells,
        line: finding.line.map(|line| line.to_string()).unwrap_or_default(),
        evidence: finding.evidence.clone(),
        advice: said::advice(lang, finding.category),
    });
    let columns = columns.collect::<Vec<_>>();
    let cells = places::names_like_cells(&it.table).into_iter().map(|at| at.to_string());
    Columns {
        frame,
        t,
        code: code.to_owned(),
        file: it.file.clone(),
        rows: seen.rows,
        first: match seen.places {
            Places::Lines => t.first_line,
            Places::Rows => t.first_row,
        },
        cells: cells.collect::<Vec<_>>().join(", "),
        findings: findings.collect(),
        groups: it.quasi().into_iter().map(|at| groups(t, it, at)).collect(),
        l: it.settings.default_diversity.map(|l| l.to_string()).unwrap_or_default(),
        suppression: format!("{}", it.settings.suppression * 100.0),
        all_rows: it.settings.persons == PersonRule::DistinctInClass,
        persons: seen.columns.iter().any(|column| column.role == Role::Person),
        blank: it.settings.blank,
        small: it.settings.block_rows == u64::from(BlockRows::Small.rows()),
        columns,
    }
}

fn groups(t: &'static Words, it: &Offering, at: usize) -> Groups {
    let column = &it.table.table.columns[at];
    let spec = it.spec(column);
    let is = |how: &str| match &spec {
        Spec::Intervals { .. } => how == "intervals",
        Spec::Dates => how == "dates",
        Spec::Suppress => how == "suppress",
        Spec::Rows(_) => how == "levels",
    };
    let hows = [
        ("intervals", t.by_intervals),
        ("dates", t.by_dates),
        ("suppress", t.by_nothing),
        ("levels", t.by_levels),
    ];
    let (width, bottom, top) = match &spec {
        Spec::Intervals { width, bottom, top, .. } => {
            (width.clone(), bottom.clone().unwrap_or_default(), top.clone().unwrap_or_default())
        }
        _ => Default::default(),
    };
    let lines = match &spec {
        Spec::Rows(rows) => {
            let lines: Vec<_> = rows.iter().take(MAX_LINES).map(|row| row.join(";")).collect();
            lines.join("\n")
        }
        _ => String::new(),
    };
    let (levels, wrong) = match places::hierarchy(&it.table, column, &spec) {
        Ok(hierarchy) => (levels(t, column, &hierarchy), None),
        Err(failure) => (Vec::new(), Some(Wrong::from(&failure))),
    };
    Groups {
        at,
        name: column.name.clone(),
        hows: hows.map(|(how, words)| (how, words, is(how))).to_vec(),
        width,
        bottom,
        top,
        lines,
        low: it.settings.levels.get(&column.name).map_or(0, |(low, _)| *low),
        levels,
        wrong,
    }
}

/// Every level with its groups and their rows.
fn levels(t: &Words, column: &Column, hierarchy: &Hierarchy) -> Vec<LevelRow> {
    let mut of_value = vec![0u64; column.dictionary.len()];
    for code in &column.codes {
        if let Some(rows) = of_value.get_mut(*code as usize) {
            *rows += 1;
        }
    }
    let all = column.codes.len().max(1) as f64;
    let of_level = |(number, level): (usize, &galen_dataset::hierarchy::Level)| {
        let mut rows = vec![0u64; level.labels.len()];
        let mut loss = 0.0;
        for (group, of_value) in level.group.iter().zip(&of_value) {
            rows[*group as usize] += of_value;
            loss += level.loss[*group as usize] * *of_value as f64;
        }
        let mut order: Vec<usize> = (0..rows.len()).filter(|group| rows[*group] > 0).collect();
        order.sort_by_key(|group| std::cmp::Reverse(rows[*group]));
        let named = |group: &usize| {
            let label = match level.labels[*group].as_str() {
                "" => t.no_label,
                label => label,
            };
            fill(t.label_rows, &[&label, &rows[*group]])
        };
        // The values themselves are what is to be hidden: they are counted, and not shown.
        let mut shown: Vec<String> = match number {
            0 => Vec::new(),
            _ => order.iter().take(GROUPS).map(named).collect(),
        };
        if number > 0 && order.len() > GROUPS {
            shown.push(one(t.more_groups, order.len() - GROUPS));
        }
        LevelRow {
            level: number,
            groups: order.len(),
            smallest: order.last().map_or(0, |group| rows[*group]),
            loss: percent(loss / all),
            shown: shown.join(" · "),
        }
    };
    hierarchy.levels.iter().enumerate().map(of_level).collect()
}
