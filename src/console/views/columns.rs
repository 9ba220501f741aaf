//! The page of columns: proposed roles, what could name a person, and how quasi-identifiers are grouped.

use askama::Template;
use galen_dataset::deidentify::PersonRule;
use galen_dataset::hierarchy::{Hierarchy, Spec};
use galen_dataset::roles::Role;
use galen_dataset::schema::{Column, Kind};
use galen_market::layout::BlockRows;

use super::percent;
use crate::console::Console;
use crate::console::offering::Offering;
use crate::error::Failure;
use crate::loopback::Frame;

/// Groups that are shown of a level.
const GROUPS: usize = 8;
/// Lines of a hierarchy that are written into its field.
const MAX_LINES: usize = 20_000;

/// What a role means to whoever chooses one.
const ROLES: [(Role, &str); 6] = [
    (Role::Identifier, "identifier: dropped"),
    (Role::Person, "person: k counts persons by it; dropped"),
    (Role::QuasiIdentifier, "quasi-identifier: generalised"),
    (Role::Sensitive, "sensitive: kept"),
    (Role::Insensitive, "insensitive: kept"),
    (Role::Drop, "drop: left out"),
];

#[derive(Template)]
#[template(path = "columns.html")]
pub(in crate::console) struct Columns {
    frame: Frame,
    code: String,
    file: String,
    rows: u64,
    places: String,
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
    roles: Vec<(String, &'static str, bool)>,
}

struct FindingRow {
    column: String,
    what: &'static str,
    cells: u64,
    line: String,
    evidence: String,
    advice: String,
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
    wrong: Option<String>,
}

struct LevelRow {
    level: usize,
    groups: usize,
    smallest: u64,
    loss: String,
    /// The largest groups with their rows; none of the values themselves.
    shown: String,
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Integer => "whole number".to_owned(),
        Kind::Decimal { scale, .. } => format!("number, {scale} places"),
        Kind::Date => "date".to_owned(),
        Kind::Text => "text".to_owned(),
    }
}

pub(in crate::console) fn columns(console: &Console, code: &str) -> Result<Columns, Failure> {
    let frame = Frame::new(console, true);
    console.with(code, |it| Ok(shown(it, code, frame)))
}

fn shown(it: &Offering, code: &str, frame: Frame) -> Columns {
    let seen = &it.inspection;
    let columns = (0..).zip(&seen.columns).map(|(at, column)| ColumnRow {
        at,
        name: column.name.clone(),
        kind: kind(column.kind),
        distinct: column.distinct,
        missing: column.missing,
        reason: column.reason.clone(),
        roles: ROLES
            .iter()
            .map(|(role, words)| (role.to_string(), *words, *role == column.role))
            .collect(),
    });
    let findings = seen.findings.iter().map(|finding| FindingRow {
        column: finding.column.clone(),
        what: finding.category.title(),
        cells: finding.cells,
        line: finding.line.map(|line| line.to_string()).unwrap_or_default(),
        evidence: finding.evidence.clone(),
        advice: finding.advice.clone(),
    });
    let columns = columns.collect::<Vec<_>>();
    Columns {
        frame,
        code: code.to_owned(),
        file: it.file.clone(),
        rows: seen.rows,
        places: seen.places.to_string(),
        findings: findings.collect(),
        groups: it.quasi().into_iter().map(|at| groups(it, at)).collect(),
        l: it.settings.default_diversity.map(|l| l.to_string()).unwrap_or_default(),
        suppression: format!("{}", it.settings.suppression * 100.0),
        all_rows: it.settings.persons == PersonRule::DistinctInClass,
        persons: seen.columns.iter().any(|column| column.role == Role::Person),
        blank: it.settings.blank,
        small: it.settings.block_rows == u64::from(BlockRows::Small.rows()),
        columns,
    }
}

fn groups(it: &Offering, at: usize) -> Groups {
    let column = &it.table.table.columns[at];
    let spec = it.spec(column);
    let is = |how: &str| match &spec {
        Spec::Intervals { .. } => how == "intervals",
        Spec::Dates => how == "dates",
        Spec::Suppress => how == "suppress",
        Spec::Rows(_) => how == "levels",
    };
    let hows = [
        ("intervals", "intervals that double in width"),
        ("dates", "day, month, year, decade"),
        ("suppress", "the value, or nothing"),
        ("levels", "levels of my own, below"),
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
    let (levels, wrong) = match Hierarchy::build(column, &spec) {
        Ok(hierarchy) => (levels(column, &hierarchy), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
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
fn levels(column: &Column, hierarchy: &Hierarchy) -> Vec<LevelRow> {
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
                "" => "(missing)",
                label => label,
            };
            format!("{label}: {} rows", rows[*group])
        };
        // The values themselves are what is to be hidden: they are counted, and not shown.
        let mut shown: Vec<String> = match number {
            0 => Vec::new(),
            _ => order.iter().take(GROUPS).map(named).collect(),
        };
        if number > 0 && order.len() > GROUPS {
            shown.push(format!("and {} more", order.len() - GROUPS));
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
