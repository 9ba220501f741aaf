//! `galen dataset inspect` and `deidentify`: no network, no keys.

use std::path::PathBuf;

use clap::Args;
use galen_dataset::deidentify::{Choice, Deidentified, PersonRule, Settings};
use galen_dataset::inspect::Inspection;
use galen_dataset::roles::Roles;
use galen_dataset::schema::Kind;
use galen_market::layout::BlockRows;
use serde_json::json;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::prepare;
use crate::output::table;

/// A table, and how to read it.
#[derive(Args, Debug)]
pub struct Source {
    /// CSV file with a header line, a gzip of one, or a Parquet file
    file: PathBuf,
    /// JSON file of roles by column
    #[arg(long, value_name = "FILE")]
    roles: Option<PathBuf>,
    /// One role, as column=role: identifier, person, quasi, sensitive, insensitive or drop; may be repeated
    #[arg(long = "role", value_name = "COLUMN=ROLE")]
    role: Vec<String>,
    /// What stands between fields of a CSV file
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "," => Ok(b','),
        ";" => Ok(b';'),
        "|" => Ok(b'|'),
        "tab" | "\t" | "\\t" => Ok(b'\t'),
        _ => Err("use , ; | or tab".to_owned()),
    }
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    #[command(flatten)]
    source: Source,
    /// Write the roles, proposed and chosen, to a new file
    #[arg(long, value_name = "FILE")]
    save_roles: Option<PathBuf>,
}

/// Arguments of `deidentify`.
#[derive(Args, Debug)]
pub struct Deidentify {
    #[command(flatten)]
    source: Source,
    /// How many must share every combination of quasi-identifiers
    #[arg(long, default_value_t = 11)]
    k: u64,
    /// How many different values every such group must show: of one sensitive column, as COLUMN=L, or
    /// of each, as L; may be repeated
    #[arg(long = "l", value_name = "[COLUMN=]L")]
    l: Vec<String>,
    /// Other k to compare with, apart by commas
    #[arg(long, value_delimiter = ',', value_name = "K,K,…")]
    compare: Vec<u64>,
    /// The largest share of rows that may be left out
    #[arg(long, default_value_t = 0.02)]
    suppression: f64,
    /// Keep all rows of a person, and count distinct persons in every class, instead of keeping one row a person
    #[arg(long)]
    all_rows_of_persons: bool,
    /// Hierarchy of a column: intervals:WIDTH, ages:WIDTH, dates, suppress, or a file of lines value;level1;…;*
    #[arg(long = "hierarchy", value_name = "COLUMN=HOW")]
    hierarchies: Vec<String>,
    /// Weight of a column's loss, as column=weight
    #[arg(long = "weight", value_name = "COLUMN=WEIGHT")]
    weights: Vec<String>,
    /// Empty further cells of a column of which fewer than k are missing, so that it can be charted
    #[arg(long)]
    blank: bool,
    /// Arrange the rows for blocks of 1,016 instead of 32,760; for development networks
    #[arg(long)]
    small_blocks: bool,
    /// New folder for the table, the report and the private list of source rows; without it, only compared
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Integer => "integer".to_owned(),
        Kind::Decimal { scale, .. } => format!("decimal, {scale} places"),
        Kind::Date => "date".to_owned(),
        Kind::Text => "text".to_owned(),
    }
}

pub(super) fn inspect(context: &Context, command: &Inspect) -> Result<(), Failure> {
    let spinner = context.output.spinner("reading");
    let table = prepare::read_table(&command.source.file, command.source.delimiter)?;
    let set = prepare::roles(command.source.roles.as_deref(), &command.source.role)?;
    let seen = prepare::inspect(&table, &set)?;
    spinner.finish_and_clear();
    if let Some(path) = &command.save_roles
        && !context.dry_run
    {
        let text = serde_json::to_vec_pretty(&seen.roles())
            .map_err(|error| Failure::usage(error.to_string()))?;
        crate::wallet::file::create(path, &text).map_err(|error| Failure::file(path, &error))?;
    }
    context.output.data(&seen, || shown(&seen))
}

fn shown(seen: &Inspection) -> String {
    let columns = seen.columns.iter().map(|column| {
        let range = match (&column.min, &column.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            _ => String::new(),
        };
        [
            column.name.clone(),
            kind(&column.kind),
            column.role.to_string(),
            column.distinct.to_string(),
            column.missing.to_string(),
            range,
            column.reason.clone(),
        ]
    });
    let findings = seen.findings.iter().map(|finding| {
        [
            finding.column.clone(),
            finding.category.title().to_owned(),
            finding.cells.to_string(),
            finding.line.map(|line| line.to_string()).unwrap_or_default(),
            finding.advice.clone(),
        ]
    });
    let first = format!("first {}", seen.places);
    format!(
        "{} rows, {} columns\n\n{}\n\nFindings ({}), after HIPAA's Safe Harbor:\n\n{}\n\nRoles are proposals: a column without a finding may still identify.",
        seen.rows,
        seen.columns.len(),
        table(["column", "kind", "role", "distinct", "missing", "range", "why"], columns),
        seen.findings.len(),
        table(["column", "what", "cells", first.as_str(), "what to do"], findings),
    )
}

fn settings(command: &Deidentify, roles: Roles) -> Result<Settings, Failure> {
    let mut settings =
        Settings { k: command.k, suppression: command.suppression, roles, ..Settings::default() };
    if command.all_rows_of_persons {
        settings.persons = PersonRule::DistinctInClass;
    }
    settings.blank = command.blank;
    if command.small_blocks {
        settings.block_rows = u64::from(BlockRows::Small.rows());
    }
    for text in &command.l {
        let (column, l) = match text.rsplit_once('=') {
            Some((column, l)) => (Some(column), l),
            None => (None, text.as_str()),
        };
        let l: u64 = l.trim().parse().map_err(|_| {
            Failure::usage(format!("`{text}` is not of the form L or column=L"))
                .remedy("write for example --l 3 or --l diagnosis=3")
        })?;
        match column {
            Some(column) => {
                settings.diversity.insert(column.to_owned(), l);
            }
            None => settings.default_diversity = Some(l),
        }
    }
    for text in &command.hierarchies {
        let (column, spec) = prepare::hierarchy(text)?;
        settings.hierarchies.insert(column, spec);
    }
    for text in &command.weights {
        let entry = text
            .rsplit_once('=')
            .and_then(|(column, weight)| Some((column, weight.parse::<f64>().ok()?)));
        let (column, weight) = entry.ok_or_else(|| {
            Failure::usage(format!("`{text}` is not of the form column=weight"))
                .remedy("write for example age=2.5")
        })?;
        settings.weights.insert(column.to_owned(), weight);
    }
    Ok(settings)
}

pub(super) fn deidentify(context: &Context, command: &Deidentify) -> Result<(), Failure> {
    if let Some(out) = &command.out {
        prepare::refuse_existing(out)?;
    }
    let spinner = context.output.spinner("reading");
    let source = prepare::read_table(&command.source.file, command.source.delimiter)?;
    let set = prepare::roles(command.source.roles.as_deref(), &command.source.role)?;
    // What nobody set by hand gets the proposed role, as `inspect` shows it.
    let roles = prepare::inspect(&source, &set)?.roles();
    let settings = settings(command, roles)?;
    let mut ks = command.compare.clone();
    ks.push(command.k);
    ks.sort_unstable();
    ks.dedup();
    spinner.set_message("searching for the least loss");
    let choices = prepare::compare(&source, &settings, &ks)?;
    // Refused here, before the comparison could be taken for a success.
    let result = prepare::deidentify(&source, &settings)?;
    spinner.finish_and_clear();
    if let Some(out) = &command.out
        && !context.dry_run
    {
        prepare::write(&result, &settings.roles, out)?;
    }
    let value = json!({
        "report": result.report,
        "compared": choices,
        "out": command.out.as_ref().map(|out| out.display().to_string()),
        "written": command.out.is_some() && !context.dry_run,
    });
    context.output.data(&value, || told(&result, &choices, command, context.dry_run))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn told(result: &Deidentified, choices: &[Choice], command: &Deidentify, dry_run: bool) -> String {
    let compared = choices.iter().map(|choice| match &choice.outcome {
        Ok(outcome) => [
            choice.k.to_string(),
            percent(outcome.loss),
            outcome.suppressed.to_string(),
            outcome.risk.classes.to_string(),
            percent(outcome.risk.prosecutor_highest),
            percent(outcome.risk.prosecutor_average),
            outcome
                .levels
                .iter()
                .map(|(name, level)| format!("{name} {level}"))
                .chain(outcome.diversity.iter().map(|(name, l)| format!("{name} l = {l}")))
                .collect::<Vec<_>>()
                .join(", "),
        ],
        Err(reason) => {
            let dash = || "-".to_owned();
            [choice.k.to_string(), dash(), dash(), dash(), dash(), dash(), reason.clone()]
        }
    });
    let report = &result.report;
    let columns = report.quasi_identifiers.iter().map(|column| {
        [
            column.column.clone(),
            format!("{} of {}", column.level, column.top),
            percent(column.loss),
            column.example.clone(),
        ]
    });
    let disclosed = report.disclosure.iter().map(|column| {
        let asked = report.diversity.iter().find(|d| d.column == column.column);
        [
            column.column.clone(),
            asked.map_or_else(|| "-".to_owned(), |d| d.l.to_string()),
            column.least.to_string(),
            format!("{:.1}", column.average),
            percent(column.uniform_rows),
            percent(column.highest_share),
        ]
    });
    let disclosed = match report.disclosure.is_empty() {
        true => String::new(),
        false => format!(
            "\n\n{}",
            table(
                ["sensitive", "l asked", "l reached", "average l", "rows given away", "best guess"],
                disclosed
            )
        ),
    };
    let blanked: Vec<String> = report
        .blanked
        .iter()
        .map(|b| {
            format!(
                "\n{} further cells of {} were emptied: only {} were missing.",
                b.cells, b.column, b.missing
            )
        })
        .collect();
    let place = match &command.out {
        Some(out) if !dry_run => format!(
            "Written to {}. Keep {} to yourself: with the source it names the persons again.",
            out.display(),
            prepare::ORIGINS_FILE
        ),
        Some(_) => "Nothing was written.".to_owned(),
        None => "Nothing was written; choose a k and name a folder with --out.".to_owned(),
    };
    format!(
        "{}\n\nChosen: k = {}, reached {}, counting {}.\n{} rows of {}: {} other rows of persons left out, {} suppressed. {} classes, {} persons.\nLoss {}{}. Columns dropped: {}.{}\n\n{}{disclosed}\n\n{place}",
        table(
            ["k", "loss", "suppressed", "classes", "highest risk", "average risk", "levels"],
            compared
        ),
        report.k,
        report.k_reached,
        prepare::counted(report),
        report.rows,
        report.source_rows,
        report.person_rows_dropped,
        report.suppressed,
        report.after.classes,
        report
            .distinct_persons
            .map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string()),
        percent(report.loss),
        if report.least_loss { ", the least there is" } else { ", the least that was found" },
        if report.dropped_columns.is_empty() {
            "none".to_owned()
        } else {
            report.dropped_columns.join(", ")
        },
        blanked.concat(),
        table(["quasi-identifier", "level", "loss", "a value now"], columns),
    )
}
