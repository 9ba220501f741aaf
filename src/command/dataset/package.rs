//! `galen dataset pack`, `prove` and `verify`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use galen_dataset::pack::Progress;
use galen_dataset::package::PackageFolder;
use galen_market::layout::BlockRows;
use galen_zk::keys::Step;
use serde_json::json;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::description::Description;
use crate::operation::pack::{self, PackRequest};
use crate::operation::store::PackageStore;
use crate::operation::{FORGEABLE_NOTICE, listing, prepare, prover};
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Help of `pack`, with a whole description.
pub const PACK_HELP: &str = r#"Example:
  galen dataset pack --data ward-7 --description ward-7.json --out ward-7.galen

A description (other fields: version, keywords, period, review_hours, shares, locations, columns):
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
}"#;

/// Arguments of `pack`.
#[derive(Args, Debug)]
pub struct Pack {
    /// Folder that `deidentify --out` made
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A file to pack as it is, as PATH or NAME=PATH; may be repeated. It is encrypted and sold as it
    /// is: nothing in it is de-identified
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// JSON file that describes the data and the offer
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// The new package folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
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
    let data = command.data.as_deref().map(prepare::read).transpose()?;
    let files =
        command.files.iter().map(|text| pack::file_input(text)).collect::<Result<Vec<_>, _>>()?;
    let wallet = context.wallet()?;
    let request = PackRequest {
        institution: account_of(&wallet.account(Role::Institution, command.index)),
        table: data.as_ref().map(|(table, roles)| (table, roles)),
        files,
        description: &description,
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
    let (listing, record) = pack::pack(&wallet, &store, &request, &*prover()?, &report)?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let folder = PackageFolder::read(&record.folder)?;
    let value = json!({
        "package": listing.id,
        "folder": record.folder,
        "key_file": store.key_path(&listing.id),
        "segments": listing.layout.segments(),
        "bytes": folder.offsets().total(),
        "blocks": listing.layout.blocks().count(),
        "k": record.k(),
        "seconds": seconds,
    });
    context.output.data(&value, || {
        format!(
            "Package {}\n{} segments, {} bytes, {} row blocks, in {seconds:.1} s.\nIts key is in {}, encrypted for this wallet. Without it nothing can be delivered: back it up.\nNext: galen dataset prove {}",
            listing.id,
            listing.layout.segments(),
            folder.offsets().total(),
            listing.layout.blocks().count(),
            store.key_path(&listing.id).display(),
            record.folder.display(),
        )
    })
}

fn step_name(step: Step) -> &'static str {
    match step {
        Step::Key => "reading the key",
        Step::Commitment => "committing",
        Step::Proof => "proving",
        Step::Openings => "opening",
        Step::Check => "checking",
    }
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
    let bar = context.output.progress("proving", 1);
    let started = Instant::now();
    // A circuit's key is generated once on a machine, which takes longer than a proof.
    let paths = pack::prove(&wallet, &store, &record, &prover, &|step| {
        bar.set_length(step.total);
        bar.set_position(step.done);
        bar.set_message(format!("block {}, {}", step.block, step_name(step.step)));
    })?;
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
    context.output.data(&value, || {
        format!(
            "{} blocks proven for k = {}, {bytes} bytes of proofs, in {seconds:.1} s.\nNext: galen dataset publish {}",
            paths.len(),
            record.k().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            record.folder.display()
        )
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
    let bar = context.output.progress("checking segments", 1);
    let checked = listing::check_remote(&session, &view, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if checked.forgeable_parameters {
        context.output.note(FORGEABLE_NOTICE);
    }
    context.output.data(&checked, || {
        format!(
            "Package {} is what was listed: {} segments checked against their leaves, {} row blocks {}.",
            checked.listing.package,
            checked.segments,
            checked.blocks,
            if checked.proven { "proven, as the ledger verified" } else { "proven so far; it is a draft" }
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
        format!(
            "Package {} is sound: {} segments match their leaves, {blocks} row blocks are proven for k = {}.",
            folder.id(),
            folder.layout().segments(),
            claims.iter().flat_map(|c| &c.claims).map(|c| c.k.to_string()).collect::<Vec<_>>().join(", ")
        )
    })
}
