//! `galen dataset pack`, `prove` and `verify`.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use galen_api::words;
use galen_dataset::pack::{FileHash, Progress};
use galen_dataset::package::PackageFolder;
use galen_dataset::prove::ProofStep;
use galen_market::layout::BlockRows;
use galen_zk::keys::Prover;
use serde_json::json;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::description::Description;
use crate::operation::pack::{self, Charts, PackRequest, TableInput};
use crate::operation::proving::{default_jobs, step_name};
use crate::operation::store::{PackageRecord, PackageStore};
use crate::operation::{FORGEABLE_NOTICE, listing, prover, source};
use crate::output::printable;
use crate::session::{Session, account_of};
use crate::wallet::{Role, Wallet};

/// Help of `pack`, with a whole description.
pub const PACK_HELP: &str = r#"Examples:
  galen dataset pack --data ward-7 --description ward-7.json --out ward-7.galen
  galen dataset pack --data persons=ward-7 --data visits=ward-7-visits --file scans --file codebook.pdf \
    --chart persons:age --description ward-7.json --out ward-7.galen

A description (other fields: version, keywords, period, review_hours, shares, royalty, max_licences,
max_undelivered, supersedes, parents, step, locations, columns; with several tables instead of columns: "tables": { "visits": { "description": "..." } }):
{
  "name": "ward-7-glucose",
  "title": "Glucose readings of ward 7",
  "description": "One row a person, 2020 to 2024.",
  "countries": ["DE"],
  "diseases": ["MONDO:0005148"],
  "citation": "Example Hospital, 2025.",
  "price": "250000 EUR",
  "clauses": ["HMB", "NPU"],
  "licence_months": 24,
  "licence_name": "Example research licence",
  "licence_file": "licence.txt"
}

Instead of price and licence_months it may have tiers; only name, price and licence_months are needed:
  "tiers": [
    { "name": "academic", "purposes": ["health"], "price": "100000 EUR", "licence_months": 12 },
    { "name": "team", "price": "250000 EUR", "licence_months": 24,
      "seats": 5, "extra_seat": "20000 EUR", "most_seats": 50,
      "subscription": { "months": 12, "price": "60000 EUR" } }
  ]
Prices are in minor units. A tier without purposes is for all that the clauses permit. With a
subscription the buyer also pays for the versions that supersede this one within so many months."#;

/// Arguments of `pack`.
#[derive(Args, Debug)]
pub struct Pack {
    /// A table: the folder that `deidentify --out` made, as DIR or NAME=DIR; may be repeated. What is
    /// proven holds for each table by itself
    #[arg(long, value_name = "[NAME=]DIR")]
    data: Vec<String>,
    /// A file to pack as it is, or a folder with all its files, as PATH or NAME=PATH; may be repeated. It
    /// is encrypted and sold as it is: nothing in it is de-identified
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// State the SHA-256 of every packed file in the public description. Whoever guesses a file could
    /// confirm the guess by it, so it is left out if not asked for
    #[arg(long)]
    sha256: bool,
    /// A list that `sha256sum` wrote: a packed file that it names must have that SHA-256, which the
    /// description then states
    #[arg(long, value_name = "FILE")]
    checksums: Option<PathBuf>,
    /// JSON file that describes the data and the offer
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// The new package folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Show a proven chart of this column (TABLE:COLUMN if there are several tables), or of `all` that
    /// can be charted; may be repeated. Each costs a proof a row block
    #[arg(long = "chart", value_name = "COLUMN")]
    charts: Vec<String>,
    /// Blocks of 1,016 rows instead of 32,760; for development networks
    #[arg(long)]
    small_blocks: bool,
    /// Which of the wallet's institutions
    #[arg(long, default_value_t = 0)]
    index: u32,
}

/// Arguments of `prove`.
#[derive(Args, Debug)]
pub struct Prove {
    /// The package: its folder, id, or at least six of the id's first digits
    package: String,
    /// Prove these blocks only, counted from 0, the last one left out, into a shard of their own
    #[arg(long, value_name = "FROM..TO", requires = "out", value_parser = blocks)]
    blocks: Option<Range<u64>>,
    /// The shard's folder: new, or the same shard's, to go on with it
    #[arg(long, value_name = "DIR", requires = "blocks")]
    out: Option<PathBuf>,
    /// Join these shards instead of proving: check every bundle and take it over
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with_all = ["blocks", "jobs"])]
    combine: Vec<PathBuf>,
    /// Blocks to prove at a time; as many as cores and memory allow if not given
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

fn blocks(text: &str) -> Result<Range<u64>, String> {
    let wrong = || "write FROM..TO, such as 16..32 for blocks 16 to 31".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let blocks = number(from)?..number(to)?;
    if blocks.is_empty() { Err(wrong()) } else { Ok(blocks) }
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// A package folder, or the id of a listed package
    package: String,
    /// Check a folder against the record of this home directory, without asking a node
    #[arg(long)]
    offline: bool,
}

pub(super) fn pack(context: &Context, command: &Pack) -> Result<(), Failure> {
    let description = Description::read(&command.description)?;
    let tables = source::tables(&command.data, &description.name)?;
    let mut files = source::files(&command.files)?;
    if command.sha256 {
        files.iter_mut().for_each(|file| file.sha256 = FileHash::Computed);
    }
    if let Some(list) = &command.checksums {
        source::checksums(list, &mut files)?;
    }
    let wallet = context.wallet()?;
    let charts = match command.charts.as_slice() {
        [] => Charts::None,
        names if names.iter().any(|name| name == "all") => Charts::All,
        names => Charts::Named(names.to_vec()),
    };
    let request = PackRequest {
        institution: account_of(&wallet.account(Role::Institution, command.index)),
        tables: tables
            .iter()
            .map(|table| TableInput {
                name: table.name.clone(),
                result: &table.result,
                roles: &table.roles,
            })
            .collect(),
        files,
        description: &description,
        charts: &charts,
        block_rows: if command.small_blocks { BlockRows::Small } else { BlockRows::Full },
        out: &command.out,
    };
    if context.dry_run {
        pack::check(&request)?;
        return context.output.data(&json!({ "written": false }), || {
            "It can be packed. Nothing was written.\n".to_owned()
        });
    }
    let store = PackageStore::of(&context.home);
    let bar = context.output.progress("sealing", 1);
    let report = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let started = Instant::now();
    let packed = pack::pack(&wallet, &store, &request, &*prover()?, &report)?;
    let pack::Packed { listing, record, uncharted } = packed;
    bar.finish_and_clear();
    for (column, why) in &uncharted {
        context.output.note(format!("No chart of {}: {why}.", printable(column)));
    }
    let seconds = started.elapsed().as_secs_f64();
    let folder = PackageFolder::read(&record.folder)?;
    let value = json!({
        "package": listing.id,
        "folder": record.folder,
        "key_file": store.key_path(&listing.id),
        "segments": listing.layout.segments(),
        "bytes": folder.offsets().total(),
        "blocks": listing.layout.blocks().count(),
        "tables": listing.layout.tables().iter().map(|t| &t.name).collect::<Vec<_>>(),
        "files": listing.layout.files().iter().map(|f| &f.name).collect::<Vec<_>>(),
        "k": record.k(),
        "claims": record.claims,
        "uncharted": uncharted.iter().map(|(column, why)| json!({ "column": column, "why": why })).collect::<Vec<_>>(),
        "seconds": seconds,
    });
    context.output.data(&value, || {
        format!(
            "Package {}\n{} tables, {} files; {} segments, {} bytes, {} row blocks, in {seconds:.1} s.\nIts key is in {}, encrypted for this wallet. Without it nothing can be delivered: back it up.\nNext: galen dataset prove {}",
            listing.id,
            listing.layout.tables().len(),
            listing.layout.files().len(),
            listing.layout.segments(),
            folder.offsets().total(),
            listing.layout.blocks().count(),
            store.key_path(&listing.id).display(),
            record.folder.display(),
        )
    })
}

pub(super) fn prove(context: &Context, command: &Prove) -> Result<(), Failure> {
    let store = PackageStore::of(&context.home);
    let record = store.find(&command.package)?;
    let wallet = context.wallet()?;
    let prover = prover()?;
    if context.dry_run {
        let folder = PackageFolder::read(&record.folder)?;
        store.secret(&wallet, &record.package)?;
        let blocks = folder.layout().blocks().count();
        return context.output.data(&json!({ "blocks": blocks, "written": false }), || {
            format!("{blocks} blocks to prove. Nothing was written.\n")
        });
    }
    if !command.combine.is_empty() {
        return combine(context, &wallet, &store, &record, &prover, &command.combine);
    }
    let bar = context.output.progress("proving", 1);
    let started = Instant::now();
    let jobs = command.jobs.unwrap_or_else(default_jobs);
    // A circuit's key is generated once on a machine, which takes longer than a proof.
    let report = |step: ProofStep| {
        bar.set_length(step.total);
        bar.set_position(step.done);
        bar.set_message(format!("block {}, {}", step.block, step_name(step.step)));
    };
    let (paths, record) = match (&command.blocks, &command.out) {
        (Some(blocks), Some(out)) => {
            let part = (blocks.clone(), out.as_path());
            let made = pack::prove_shard(&wallet, &store, &record, &prover, part, jobs, &report)?;
            (made, record)
        }
        _ => pack::prove(&wallet, &store, &record, &prover, jobs, &report)?,
    };
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let mut bytes = 0u64;
    for path in &paths {
        bytes += std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    }
    if prover.is_forgeable() && !paths.is_empty() {
        context.output.note(FORGEABLE_NOTICE);
    }
    let value = json!({
        "package": record.package,
        "blocks": paths.len(),
        "k": record.k(),
        "proofs": paths,
        "bytes": bytes,
        "seconds": seconds,
        "forgeable_parameters": prover.is_forgeable(),
    });
    let next = match &command.out {
        Some(_) => "bring the shard back and join it with galen dataset prove --combine".to_owned(),
        None => format!("galen dataset publish {}", record.folder.display()),
    };
    context.output.data(&value, || {
        format!(
            "{} blocks proven, {bytes} bytes of proofs, in {seconds:.1} s.\n{}\nNext: {next}",
            paths.len(),
            sentences(&record, paths.len()),
        )
    })
}

/// What is proven of a package, in sentences.
fn sentences(record: &PackageRecord, blocks: usize) -> String {
    let layout = PackageFolder::read(&record.folder).map(|folder| folder.layout().clone());
    match layout {
        Ok(layout) if blocks > 0 => {
            let proven = layout.tables().iter().zip(&record.claims);
            let proven = proven.flat_map(|(table, claims)| words::proven(&layout, table, claims));
            proven
                .map(|sentence| format!("  {}", printable(&sentence)))
                .collect::<Vec<_>>()
                .join("\n")
        }
        _ => "Files carry no proof.".to_owned(),
    }
}

fn combine(
    context: &Context,
    wallet: &Wallet,
    store: &PackageStore,
    record: &PackageRecord,
    prover: &Prover,
    shards: &[PathBuf],
) -> Result<(), Failure> {
    let spinner = context.output.spinner("checking shards");
    let (joined, complete) = pack::join(wallet, store, record, prover, shards)?;
    spinner.finish_and_clear();
    let value = json!({
        "package": record.package,
        "taken": joined.taken,
        "kept": joined.kept,
        "complete": complete.is_some(),
    });
    context.output.data(&value, || {
        let next = match &complete {
            Some(record) => format!(
                "Every block is proven:\n{}\nNext: galen dataset publish {}",
                sentences(record, 1),
                record.folder.display()
            ),
            None => "Blocks are still missing: join further shards, or prove the rest here with galen dataset prove.".to_owned(),
        };
        format!("{} bundles taken over, {} were there already. {next}", joined.taken, joined.kept)
    })
}

pub(super) fn verify(context: &Context, command: &Verify) -> Result<(), Failure> {
    let path = Path::new(&command.package);
    if path.exists() {
        return verify_folder(context, path, command.offline);
    }
    if command.offline {
        return Err(Failure::new(
            Exit::Input,
            "file.missing",
            format!("{} does not exist", path.display()),
        )
        .remedy("name a package folder, or leave --offline out to check a listed package"));
    }
    let session = Session::open(context)?;
    let id = listing::named(&session, &command.package)?;
    let view = session.client().listing(&id)?;
    let prover = prover()?;
    let bar = context.output.progress("checking segments and proofs", 1);
    let checked = listing::check_remote(&session, &view, prover.verifier(), &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if checked.forgeable_parameters {
        context.output.note(FORGEABLE_NOTICE);
    }
    context.output.data(&checked, || {
        format!(
            "Package {} is what was listed: {} segments checked against their leaves, {}.",
            checked.listing.package,
            checked.segments,
            match checked.proven {
                true =>
                    format!("the proofs of {} row blocks verified on this machine", checked.blocks),
                false => "proofs not yet, as it is a draft".to_owned(),
            }
        )
    })
}

fn verify_folder(context: &Context, path: &Path, offline: bool) -> Result<(), Failure> {
    let folder = PackageFolder::read(path)?;
    let claims = if offline {
        let record = PackageStore::of(&context.home).record(&folder.id()).map_err(|failure| {
            failure.remedy("without the record of the one who packed it, ask a node what is claimed: leave --offline out")
        })?;
        vec![pack::claimed(&record)]
    } else {
        let session = Session::open(context)?;
        let id = listing::named(&session, &folder.id().to_string())?;
        vec![listing::claims(&session.client().listing(&id)?)]
    };
    let prover = prover()?;
    let bar = Mutex::new(context.output.progress("verifying", 1));
    let report = |progress: Progress| {
        if let Ok(bar) = bar.lock() {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    };
    for claimed in &claims {
        pack::verify(&folder, claimed, prover.verifier(), &report)?;
    }
    if let Ok(bar) = bar.lock() {
        bar.finish_and_clear();
    }
    let blocks = folder.layout().blocks().count();
    if prover.is_forgeable() && blocks > 0 {
        context.output.note(FORGEABLE_NOTICE);
    }
    let value = json!({
        "package": folder.id(),
        "segments": folder.layout().segments(),
        "blocks": blocks,
        "k": claims.first().map(|claimed| claimed.claims.iter().map(|c| c.k).collect::<Vec<_>>()),
        "institution": claims.first().map(|claimed| claimed.institution),
        "forgeable_parameters": prover.is_forgeable(),
    });
    context.output.data(&value, || {
        let layout = folder.layout();
        let proven = claims.iter().flat_map(|claimed| {
            let tables = layout.tables().iter().zip(&claimed.claims);
            tables.flat_map(|(table, claims)| words::proven(layout, table, claims))
        });
        let proven: Vec<String> =
            proven.map(|sentence| format!("  {}\n", printable(&sentence))).collect();
        format!(
            "Package {} is sound: {} segments match their leaves, and all {blocks} row blocks are proven.\n{}",
            folder.id(),
            layout.segments(),
            proven.concat()
        )
    })
}
