//! The story of three purchases, step by step. Each step does something through the same operations as
//! the commands, over HTTP, and tells what happened.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use galen_api::words;
use galen_dataset::deidentify::{Deidentified, Report, Settings};
use galen_dataset::ingest::Ingested;
use galen_dataset::output::Output;
use galen_dataset::pack::Progress;
use galen_dataset::package::PackageFolder;
use galen_dataset::roles::{Role as ColumnRole, Roles};
use galen_market::action::Action;
use galen_market::action::trade::ResumeListings;
use galen_market::deal::{Stage, Termination};
use galen_market::layout::BlockRows;
use galen_market::listing::{Standing, TableClaims};
use galen_market::terms::{Purpose, PurposeKind};
use sha2::Digest as _;

use super::dishonest;
use super::world::World;
use crate::error::{Exit, Failure};
use crate::mirror::Unwatched;
use crate::operation::credential::Credential;
use crate::operation::description::Description;
use crate::operation::pack::{self, PackRequest, TableInput};
use crate::operation::purchase::{self, DealRecord, DealStore, Purchase};
use crate::operation::store::{PackageRecord, PackageStore};
use crate::operation::{listing, prepare, receive};
use crate::session::account_of;
use crate::wallet::Role;
use crate::wallet::derive::AccountKey;

/// The column whose values must differ in every group: visits to a doctor.
pub const SENSITIVE: &str = "mdvis";
/// How many different values it shows in every group.
pub const L: u64 = 4;
/// Columns whose charts are shown and proven.
const CHARTS: [&str; 3] = ["mdvis", "plan", "xage"];
/// Price of a licence, in cents.
pub const PRICE: u64 = 25_000;
/// What each purchase is funded with: the price and the fee allowance.
const FUNDS: u64 = 30_000;

/// Where the story is told.
pub type Tell<'a> = &'a dyn Fn(String);

/// A wrong turn of the story.
fn unexpected(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Failure, "demo.unexpected", what)
}

fn quiet(_: Progress) {}

/// An amount of cents as people write it.
fn euros(cents: u64) -> String {
    format!("{}.{:02} EUR", cents / 100, cents % 100)
}

fn seconds(begun: Instant) -> String {
    format!("{:.1} s", begun.elapsed().as_secs_f64())
}

fn bytes_of(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len())
}

fn sha256(path: &Path) -> Result<String, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::file(path, &error))?;
    Ok(hex::encode(sha2::Sha256::digest(&bytes)))
}

/// A de-identified table and what was done to it.
pub struct Prepared {
    /// Rows and classes.
    pub result: Deidentified,
    /// The role of every column.
    pub roles: Roles,
    /// The folder that keeps it.
    pub folder: PathBuf,
}

/// Looks at a raw table and de-identifies it.
///
/// # Errors
/// When the table cannot be read or k cannot be reached.
pub fn prepare(world: &World, source: &Path, k: u64, tell: Tell<'_>) -> Result<Prepared, Failure> {
    let begun = Instant::now();
    let table = prepare::read_table(source, b',')?;
    let inspection = prepare::inspect(&table, &Roles::default())?;
    tell(format!(
        "The hospital's raw table has {} rows and {} columns. Read and inspected in {}.",
        inspection.rows,
        inspection.columns.len(),
        seconds(begun)
    ));
    for finding in inspection.findings.iter().take(6) {
        tell(format!("  ! {}: {}. {}", finding.column, finding.category.title(), finding.evidence));
    }
    if inspection.findings.len() > 6 {
        tell(format!("    and {} more", inspection.findings.len() - 6));
    }
    let mut roles = inspection.roles();
    let named = |roles: &Roles, role: ColumnRole| {
        let names = inspection
            .columns
            .iter()
            .filter(|c| roles.of(&c.name) == role)
            .map(|c| c.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    tell(format!("  person number (dropped): {}", named(&roles, ColumnRole::Person)));
    tell(format!("  quasi-identifiers:       {}", named(&roles, ColumnRole::QuasiIdentifier)));
    roles.0.insert(SENSITIVE.to_owned(), ColumnRole::Sensitive);
    tell(format!("  sensitive:               {}", named(&roles, ColumnRole::Sensitive)));
    let settings = Settings {
        k,
        roles: roles.clone(),
        diversity: [(SENSITIVE.to_owned(), L)].into(),
        ..Settings::default()
    };
    risk_and_loss(&table, &settings, tell)?;
    let begun = Instant::now();
    let result = prepare::deidentify(&table, &settings)?;
    let report: &Report = &result.report;
    tell(format!(
        "De-identified in {}: one row a person is kept ({} other rows left out), {} rows suppressed, {} rows remain.",
        seconds(begun),
        report.person_rows_dropped,
        report.suppressed,
        report.rows
    ));
    for column in &report.quasi_identifiers {
        tell(format!(
            "  {:10} level {} of {}, now written like {}",
            column.column, column.level, column.top, column.example
        ));
    }
    tell(format!(
        "  smallest group {} {}, with {} different values of {SENSITIVE} or more; information lost {:.0} %{}; chance to trace the row at greatest risk {:.1} % (computed, not proven)",
        report.k_reached,
        prepare::counted(report),
        report.diversity.first().map_or(0, |d| d.reached),
        report.loss * 100.0,
        if report.least_loss { ", the least possible" } else { "" },
        report.after.prosecutor_highest * 100.0
    ));
    let folder = world.hospital.home.join("deidentified");
    prepare::write(&result, &roles, &folder)?;
    Ok(Prepared { result, roles, folder })
}

fn risk_and_loss(table: &Ingested, settings: &Settings, tell: Tell<'_>) -> Result<(), Failure> {
    tell("  what several k would cost:".to_owned());
    for choice in prepare::compare(table, settings, &[5, 11, 25])? {
        tell(match choice.outcome {
            Ok(outcome) => format!(
                "    k = {:3}  loss {:3.0} %  suppressed {:4}  greatest risk {:.1} %",
                choice.k,
                outcome.loss * 100.0,
                outcome.suppressed,
                outcome.risk.prosecutor_highest * 100.0
            ),
            Err(why) => format!("    k = {:3}  {why}", choice.k),
        });
    }
    Ok(())
}

/// Packs a prepared table.
///
/// # Errors
/// When it cannot be packed.
pub fn pack(
    world: &World,
    prepared: &Prepared,
    block_rows: BlockRows,
    tell: Tell<'_>,
) -> Result<PackageRecord, Failure> {
    let begun = Instant::now();
    let licence = world.hospital.home.join("licence.txt");
    fs::write(&licence, "Use for health research only. No attempt to find out who anybody is.\n")
        .map_err(|error| Failure::file(&licence, &error))?;
    let description = Description {
        name: "rand-hie".to_owned(),
        title: "RAND Health Insurance Experiment".to_owned(),
        description: "Use of health care by plan, one year of one person a row.".to_owned(),
        version: "1".to_owned(),
        keywords: vec!["insurance".to_owned(), "utilisation".to_owned()],
        diseases: Vec::new(),
        countries: vec!["US".to_owned()],
        period: None,
        citation: "RAND Corporation: Health Insurance Experiment, 1974 to 1982.".to_owned(),
        price: Some(format!("{PRICE} EUR")),
        clauses: vec!["HMB".to_owned()],
        licence_months: Some(24),
        tiers: Vec::new(),
        licence_name: "Research licence of the demonstration".to_owned(),
        licence_file: licence,
        review_hours: None,
        review_all: None,
        shares: std::collections::BTreeMap::new(),
        royalty: 0,
        max_licences: None,
        supersedes: None,
        parents: Vec::new(),
        step: String::new(),
        max_undelivered: 16,
        locations: Vec::new(),
        columns: std::collections::BTreeMap::new(),
        tables: std::collections::BTreeMap::new(),
    };
    let out = world.hospital.home.join("package");
    let store = PackageStore::of(&world.hospital.home);
    let request = PackRequest {
        institution: world.hospital.account(),
        tables: vec![TableInput {
            name: description.name.clone(),
            result: &prepared.result,
            roles: &prepared.roles,
        }],
        files: Vec::new(),
        description: &description,
        charts: &pack::Charts::Named(CHARTS.map(str::to_owned).to_vec()),
        block_rows,
        out: &out,
    };
    let pack::Packed { listing, record, uncharted } =
        pack::pack(&world.hospital.wallet, &store, &request, &world.prover, &quiet)?;
    if let Some((column, why)) = uncharted.first() {
        return Err(unexpected(format!("no chart of {column}: {why}")));
    }
    tell(format!(
        "Packed in {}: {} encrypted segments, {} bytes, every column committed to. Package {}",
        seconds(begun),
        listing.layout.segments(),
        bytes_of(&out.join("segments"))?,
        listing.id
    ));
    Ok(record)
}

/// Proves a package's claims and lists it.
///
/// # Errors
/// When a proof cannot be made, or the ledger refuses.
pub fn list(world: &World, record: &PackageRecord, tell: Tell<'_>) -> Result<(), Failure> {
    let store = PackageStore::of(&world.hospital.home);
    let begun = Instant::now();
    let (bundles, record) =
        pack::prove(&world.hospital.wallet, &store, record, &world.prover, 1, &|_| ())?;
    let size = bundles.iter().map(|path| bytes_of(path)).sum::<Result<u64, _>>()?;
    let folder = PackageFolder::read(&record.folder)?;
    tell(format!(
        "Proven in {}. {}, {size} bytes in all:",
        seconds(begun),
        match bundles.len() {
            1 => "One proof bundle".to_owned(),
            many => format!("{many} proof bundles"),
        }
    ));
    for (table, claims) in folder.layout().tables().iter().zip(&record.claims) {
        for sentence in words::proven(folder.layout(), table, claims) {
            tell(format!("  - {sentence}"));
        }
    }
    let begun = Instant::now();
    let verifier = world.prover.verifier();
    let published = listing::publish(
        &world.session,
        &world.hospital.key,
        &folder,
        &record,
        (&store, None),
        verifier,
        &|_| (),
    )?;
    if published.standing != Some(Standing::Live) {
        return Err(unexpected(format!("the listing is not live: {:?}", published.standing)));
    }
    tell(format!(
        "Listed in {}: the ledger verified the proofs itself, and the listing is live.",
        seconds(begun)
    ));
    Ok(())
}

/// A purchase up to the point where the buyer waits for the key: request, fetch, ready.
///
/// # Errors
/// What the ledger refuses, or a package that is not what was listed.
pub fn buy(
    world: &World,
    record: &PackageRecord,
    credential: &Credential,
    account: u32,
    tell: Tell<'_>,
) -> Result<(DealRecord, PackageFolder), Failure> {
    let payer: AccountKey = world.researcher.wallet.account(Role::Researcher, account);
    world.fund(account_of(&payer), FUNDS)?;
    let deals = DealStore::of(&world.researcher.home);
    let begun = Instant::now();
    let purchase = Purchase {
        listing: record.listing(),
        tier: None,
        seats: None,
        agreement: record.offer.tiers[0].agreement(&record.offer.terms),
        purpose: Purpose::new(PurposeKind::Health, None),
        payer: &payer,
        credential,
        ready: false,
    };
    let (mut deal, _) = purchase::request(
        &world.session,
        &world.researcher.wallet,
        &deals,
        &world.prover,
        &purchase,
    )?;
    tell(format!(
        "Requested in {}, with a proof that some live credential approves health research. Deal {}",
        seconds(begun),
        deal.deal
    ));
    let target = deals.downloads().join(deal.deal.to_string());
    let above = deals.downloads();
    fs::create_dir_all(&above).map_err(|error| Failure::file(&above, &error))?;
    let (folder, _) = receive::fetch(
        &world.session,
        &deal.listing,
        &target,
        &receive::Sources::default(),
        &Unwatched,
    )?;
    deal.folder = Some(target);
    deals.update(&deal)?;
    purchase::ready(&world.session, &world.researcher.wallet, &deal, None)?;
    tell(
        "The buyer fetched every ciphertext, checked each against the listing, and said ready."
            .to_owned(),
    );
    Ok((deal, folder))
}

/// First purchase: all goes well.
///
/// # Errors
/// When it does not.
pub fn honest(
    world: &World,
    record: &PackageRecord,
    credential: &Credential,
    packed: &Path,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let (deal, folder) = buy(world, record, credential, 0, tell)?;
    let begun = Instant::now();
    let (view, _) = world.with_agent(|| world.wait_for(&deal.deal, Stage::Verified))?;
    let licence = view.licence.ok_or_else(|| unexpected("no licence was issued"))?;
    tell(format!(
        "The hospital's agent proved that the envelope holds the package's key for this buyer, and delivered it in {}. \
         The licence is active until {}.",
        seconds(begun),
        crate::operation::credential::day_text(
            u32::try_from(licence.until_ms / 86_400_000).unwrap_or(0)
        )
    ));
    let begun = Instant::now();
    let out = world.researcher.home.join("opened");
    let opened = receive::decrypt(
        &world.session,
        &world.researcher.wallet,
        &deal,
        &world.prover,
        &folder,
        (&out, &Output::default()),
        &quiet,
    )?;
    if let Some(warning) = opened.warnings.first() {
        return Err(unexpected(warning.to_string()));
    }
    let opened = opened.files.first().ok_or_else(|| unexpected("the package holds no table"))?;
    let (theirs, ours) = (sha256(packed)?, sha256(opened)?);
    if theirs != ours {
        return Err(unexpected("the opened table is not the packed one"));
    }
    tell(format!(
        "Opened in {}: every commitment was rebuilt from the decrypted cells, so the proofs speak of exactly these rows.",
        seconds(begun)
    ));
    tell(format!("  SHA-256 {ours}, the hospital's own file byte for byte"));
    let before = world.balance(&world.hospital.account())?;
    world.wait_for(&deal.deal, Stage::Finalized)?;
    let after = world.balance(&world.hospital.account())?;
    if after.checked_sub(before) != Some(PRICE) {
        return Err(unexpected(format!(
            "the hospital was paid {} instead of {PRICE}",
            after.saturating_sub(before)
        )));
    }
    tell(format!(
        "The time for disputes is over: the ledger itself paid the hospital {}.",
        euros(PRICE)
    ));
    Ok(())
}

/// Second purchase: the hospital does not deliver.
///
/// # Errors
/// When the buyer does not get the price and a compensation back.
pub fn late(
    world: &World,
    record: &PackageRecord,
    credential: &Credential,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let (deal, _) = buy(world, record, credential, 1, tell)?;
    tell("The hospital's agent is switched off. Nobody has to do anything now ...".to_owned());
    let begun = Instant::now();
    let view = world.wait_for(&deal.deal, Stage::Terminated)?;
    if view.deal.termination != Some(Termination::NotDelivered) || view.deal.envelope.is_some() {
        return Err(unexpected(format!("the deal ended by {:?}", view.deal.termination)));
    }
    let refund = account_of(&world.researcher.wallet.deal(deal.index).refund);
    let back = world.balance(&refund)?;
    if back <= PRICE {
        return Err(unexpected(format!(
            "{} came back for a price of {}",
            euros(back),
            euros(PRICE)
        )));
    }
    tell(format!(
        "After {} the deadline passed: {} are back at the buyer, price, compensation out of the hospital's bond and unused fees.",
        seconds(begun),
        euros(back)
    ));
    tell(
        "The hospital's listings take no requests until it signs that it is back; it does so now."
            .to_owned(),
    );
    world.hospital_does(Action::ResumeListings(ResumeListings {
        institution: world.hospital.account(),
    }))
}

/// Third purchase: the hospital sealed something else than it listed.
///
/// # Errors
/// When the buyer does not notice, or does not get the price and a compensation back.
pub fn disputed(
    world: &World,
    record: &PackageRecord,
    credential: &Credential,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let store = PackageStore::of(&world.hospital.home);
    let target = world.hospital.home.join("dishonest-package");
    let (cheat, segment) =
        dishonest::change_a_cell(&world.hospital.wallet, &store, record, &target)?;
    tell(format!(
        "A second listing of the hospital is not what it says: one cell of segment {segment} was changed after its column was committed to."
    ));
    // That it has k rows in every group is enough to be listed, and true.
    let claims = cheat.k().into_iter().map(TableClaims::of_k).collect();
    let cheat = PackageRecord { claims, ..cheat };
    store.update(&cheat)?;
    list(world, &cheat, tell)?;
    let (deal, folder) = buy(world, &cheat, credential, 2, tell)?;
    world.with_agent(|| world.wait_for(&deal.deal, Stage::Verified))?;
    let out = world.researcher.home.join("opened-dishonest");
    let opened = receive::decrypt(
        &world.session,
        &world.researcher.wallet,
        &deal,
        &world.prover,
        &folder,
        (&out, &Output::default()),
        &quiet,
    );
    match opened {
        Err(failure) if failure.code() == "package.disputable" => {
            tell(format!("The buyer opens it: {failure}."))
        }
        Err(failure) => return Err(failure),
        Ok(_) => return Err(unexpected("the buyer did not notice the changed cell")),
    }
    if out.exists() {
        return Err(unexpected("something was written though a segment is false"));
    }
    let found = receive::find_fault(
        &world.session,
        &world.researcher.wallet,
        &deal,
        &world.prover,
        &folder,
        &quiet,
    )?;
    if found != Some(segment) {
        return Err(unexpected(format!("segment {found:?} was named instead of {segment}")));
    }
    let begun = Instant::now();
    receive::dispute(
        &world.session,
        &world.researcher.wallet,
        &deal,
        &world.prover,
        &folder,
        segment,
    )?;
    let view = world.wait_for(&deal.deal, Stage::Terminated)?;
    if !matches!(view.deal.termination, Some(Termination::Disputed { segment: named, .. }) if named == segment)
    {
        return Err(unexpected(format!("the deal ended by {:?}", view.deal.termination)));
    }
    let refund = account_of(&world.researcher.wallet.deal(deal.index).refund);
    let back = world.balance(&refund)?;
    let listed = world.session.client().listing(&cheat.listing())?.summary.listing;
    if back <= PRICE || !matches!(listed.standing, Standing::Refunded { .. }) {
        return Err(unexpected(format!(
            "{} came back, and the listing is {:?}",
            euros(back),
            listed.standing
        )));
    }
    tell(format!(
        "The dispute was upheld in {}: {} are back at the buyer, the licence is revoked, the listing is closed for good.",
        seconds(begun),
        euros(back)
    ));
    tell("Only that one segment's key became public; a dispute about a good segment would have been refused.".to_owned());
    Ok(())
}
