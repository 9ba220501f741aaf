//! What takes long: reading, comparing, preparing and proving, publishing, withdrawing, money in and out of
//! the bond. At most one for a table or a package at a time. Depends on the operations; signs only what a
//! person asked for on the page of a package or of money.

use std::path::PathBuf;
use std::sync::Arc;

use galen_dataset::ingest::{self, Options};
use galen_dataset::pack::Progress;
use galen_dataset::package::PackageFolder;
use galen_dataset::prove::ProofStep;
use galen_market::amount::{Amount, Currency, Money};
use galen_market::id::{DealId, PackageId};
use galen_market::layout::BlockRows;
use galen_market::listing::Standing;
use galen_web::lang::fill;

use super::Console;
use super::fields::Fields;
use super::offering::{KS, Offering};
use super::places::unread;
use super::views::describe::{self, minor_units};
use super::words::said::said;
use super::words::{self, Words};
use crate::error::Failure;
use crate::loopback::{self, Said, State, Upload, lock, random_code};
use crate::operation;
use crate::operation::listing::{self, Plan, PublishStep};
use crate::operation::money;
use crate::operation::pack::{self, PackRequest, TableInput};
use crate::operation::prepare;
use crate::operation::proving::default_jobs;
use crate::operation::store::{PackageRecord, PackageStore};
use crate::session::Session;
use crate::wallet::Wallet;

/// Which work.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Name {
    /// What is done with a table on its way.
    Offer(String),
    /// What is done with a package.
    Package(PackageId),
    /// What is done in a deal.
    Deal(DealId),
    /// Money into the bond or out of it, by the form that asked for it.
    Bond(String),
}

/// A work, told from its thread.
type Work = loopback::Work<Name>;

pub(super) fn done(what: Said, page: String) -> State {
    State::Done { what, page: Some(page) }
}

/// Where a table comes from.
pub(super) enum Source {
    Sent(Upload),
    Path(PathBuf),
}

/// Reads a table, and returns the code under which it will be found.
pub(super) fn read(
    console: &Arc<Console>,
    source: Source,
    delimiter: u8,
) -> Result<String, Failure> {
    let code = random_code(12);
    let place = console.room(&code)?;
    let (kept, name) = (console.clone(), code.clone());
    console.works.start(Name::Offer(code.clone()), move |work| {
        let (path, shown) = match &source {
            Source::Sent(upload) => {
                work.at(said(|t| t.reading_bytes, &[&upload.bytes]), 0, 0);
                (upload.file.path(), upload.name.clone())
            }
            Source::Path(path) => {
                work.at(said(|t| t.reading, &[]), 0, 0);
                (path.as_path(), path.display().to_string())
            }
        };
        let _place = place;
        let options = Options { delimiter, ..Options::default() };
        let table = ingest::read_file(path, &options).map_err(|error| unread(error).at(&shown))?;
        // The rows are in memory now, and the copy of the file is not needed any more.
        drop(source);
        work.at(said(|t| t.looking, &[]), 0, 0);
        kept.keep(&name, Offering::new(shown, table)?);
        Ok(done(said(|t| t.is_read, &[]), format!("/offers/{name}")))
    })?;
    Ok(code)
}

/// Compares what several k would cost.
pub(super) fn compare(console: &Arc<Console>, code: &str) -> Result<(), Failure> {
    let (table, settings) = console.with(code, |it| Ok((it.table.clone(), it.settings.clone())))?;
    let (kept, name) = (console.clone(), code.to_owned());
    console.works.start(Name::Offer(name.clone()), move |work| {
        let mut ks = KS.to_vec();
        ks.push(settings.k);
        ks.sort_unstable();
        ks.dedup();
        let mut compared = Vec::new();
        for (at, k) in (0u64..).zip(&ks) {
            work.at(said(|t| t.searching, &[k]), at, ks.len() as u64);
            compared.extend(prepare::compare(&table, &settings, &[*k])?);
        }
        kept.with(&name, |it| {
            if it.settings == settings {
                it.compared = Some(compared);
            }
            Ok(())
        })?;
        Ok(done(said(|t| t.compared, &[]), format!("/offers/{name}/risk")))
    })
}

/// De-identifies, encrypts and proves a table. Repeated, it goes on with what is missing.
pub(super) fn prepare(
    console: &Arc<Console>,
    code: &str,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let (table, settings, words, charted, packed) = console.with(code, |it| {
        let (settings, words) = (it.settings.clone(), it.words.clone());
        Ok((it.table.clone(), settings, words, it.charted.clone(), it.packed))
    })?;
    let (kept, name) = (console.clone(), code.to_owned());
    console.works.start(Name::Offer(name.clone()), move |work| {
        let store = kept.store();
        let record = match packed {
            Some(id) => store.record(&id)?,
            None => {
                work.at(said(|t| t.generalising, &[]), 0, 0);
                let result = prepare::deidentify(&table, &settings)?;
                let session = kept.session()?;
                let described = describe::description(&session, &words, &charted, &kept.uploads)?;
                let roles = prepare::kept_roles(&result, &settings.roles);
                let description = &described.description;
                let tables = vec![TableInput {
                    name: description.name.clone(),
                    result: &result,
                    roles: &roles,
                }];
                let request = PackRequest {
                    institution: kept.institution(&wallet),
                    tables,
                    files: Vec::new(),
                    description,
                    charts: &described.charts,
                    block_rows: match settings.block_rows == u64::from(BlockRows::Small.rows()) {
                        true => BlockRows::Small,
                        false => BlockRows::Full,
                    },
                    out: &kept.folder.join(format!(
                        "{}-{}.galen",
                        description.name,
                        random_code(6)
                    )),
                };
                work.at(said(|t| t.encrypting, &[]), 0, 0);
                let report = |at: Progress| work.at(said(|t| t.committing, &[]), at.done, at.total);
                let made = pack::pack(&wallet, &store, &request, &*operation::prover()?, &report)?;
                kept.with(&name, |it| {
                    if it.settings == settings && it.words == words {
                        it.packed = Some(made.record.package);
                    }
                    Ok(())
                })?;
                made.record
            }
        };
        let state = prove_all(work, &store, &record, &wallet)?;
        // Everything that is needed from here on is in the package: the raw rows can go.
        kept.forget(&name);
        Ok(state)
    })
}

/// Goes on with the proofs of a package.
pub(super) fn prove(
    console: &Arc<Console>,
    package: PackageId,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let store = console.store();
    let record = store.record(&package)?;
    console
        .works
        .start(Name::Package(package), move |work| prove_all(work, &store, &record, &wallet))
}

fn prove_all(
    work: &Work,
    store: &PackageStore,
    record: &PackageRecord,
    wallet: &Wallet,
) -> Result<State, Failure> {
    let report = |step: ProofStep| {
        let what = Said::new(|lang| {
            let t = Words::of(lang);
            fill(t.proving_block, &[&step.block, &words::said::step(t, step.step)])
        });
        work.at(what, step.done, step.total);
    };
    work.at(said(|t| t.proving, &[]), 0, 0);
    let prover = operation::prover()?;
    let (bundles, _) = pack::prove(wallet, store, record, &prover, default_jobs(), &report)?;
    let what = said(|t| t.blocks_proven, &[&bundles.len()]);
    Ok(done(what, format!("/datasets/{}", record.package)))
}

/// Lists a package as it was shown, or goes on where an earlier run stopped. It never revises a listing.
pub(super) fn publish(
    console: &Arc<Console>,
    package: PackageId,
    shown: &str,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let shown = shown.to_owned();
    let (store, node) = (console.store(), console.desk.plan.node.clone());
    let record = store.record(&package)?;
    let key = record.key(&wallet)?;
    console.works.start(Name::Package(package), move |work| {
        work.at(said(|t| t.checking, &[]), 0, 0);
        let session = Session::connect(&node, false)?;
        let folder = PackageFolder::read(&record.folder)?;
        let plan = Plan::of(&session, &record)?;
        plan.require(&folder, &shown)?;
        let total = folder.layout().blocks().count() as u64;
        let verifier = operation::prover()?.verifier().clone();
        let proven = std::cell::Cell::new(0u64);
        let tell = |step: PublishStep| match step {
            PublishStep::Drafted(_) => work.at(said(|t| t.drafted, &[]), 0, 0),
            PublishStep::Found { proven: found } => {
                proven.set(found);
                work.at(said(|t| t.found_draft, &[]), found, total);
            }
            PublishStep::Storing { part, bytes } => {
                work.at(said(|t| t.storing, &[&part.name(), &bytes]), 0, 0);
            }
            PublishStep::Proven { blocks, .. } => {
                proven.set(proven.get().saturating_add(blocks.len() as u64));
                work.at(said(|t| t.verifying, &[]), proven.get(), total);
            }
            PublishStep::Uploaded { .. } | PublishStep::Owing(_) | PublishStep::Revised(_) => {}
        };
        let published =
            listing::carry_out(&session, &key, &folder, plan, (&store, None), &verifier, &tell)?;
        let what = match published.standing {
            Some(Standing::Live) => said(|t| t.is_live, &[]),
            _ => said(|t| t.not_live, &[]),
        };
        Ok(done(what, format!("/datasets/{package}")))
    })
}

/// Takes a listing back.
pub(super) fn withdraw(
    console: &Arc<Console>,
    package: PackageId,
    reason: &str,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let node = console.desk.plan.node.clone();
    let record = console.store().record(&package)?;
    let key = record.key(&wallet)?;
    let action = listing::withdraw(&record.listing(), reason)?;
    console.works.start(Name::Package(package), move |work| {
        work.at(said(|t| t.withdrawing, &[]), 0, 0);
        let session = Session::connect(&node, false)?;
        let sent = session.transact(vec![action], &[&key])?;
        Ok(done(words::said::sent(|t| t.was_withdrawn, &sent), format!("/datasets/{package}")))
    })
}

/// Puts money into the bond, or takes it out; returns the name of the form, which is used up.
pub(super) fn bond(
    console: &Arc<Console>,
    form: &Fields,
    wallet: Arc<Wallet>,
) -> Result<String, Failure> {
    let session = console.session()?;
    let currency: Currency = form.get("currency").parse().map_err(|_| {
        Failure::usage("the currency is none").remedy("go back and choose one of the list")
    })?;
    let units = minor_units(form.get("amount"), session.currency(&currency)?.decimals)?;
    let sum = Money { currency, amount: Amount::new(units) };
    let institution = console.institution(&wallet);
    let (action, what): (_, fn(&Words) -> &'static str) =
        match (form.has("deposit"), form.has("withdraw")) {
            (true, false) => (money::deposit(institution, sum), |t| t.was_deposited),
            (false, true) => (money::withdraw(institution, sum), |t| t.was_taken_out),
            _ => {
                return Err(Failure::usage("the form says neither into the bond nor out of it")
                    .remedy("go back and choose one of both"));
            }
        };
    let once = form.get("once").to_owned();
    let look = "look at what became of it on the page of money; if nothing did, send it from there";
    lock(&console.once).take(&once, look)?;
    let key = console.key(&wallet);
    console.works.start(Name::Bond(once.clone()), move |work| {
        work.at(said(|t| t.signing_bond, &[]), 0, 0);
        let sent = session.transact(vec![action], &[&key])?;
        Ok(done(words::said::sent(what, &sent), "/money".to_owned()))
    })?;
    Ok(once)
}
