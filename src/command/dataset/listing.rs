//! `galen dataset publish`, `withdraw`, `list` and `show`.

use std::path::PathBuf;

use clap::Args;
use galen_api::{ListingFilter, ListingSummary, ListingView, words};
use galen_dataset::package::PackageFolder;
use galen_market::action::Action;
use galen_market::action::trade::ResumeListings;
use galen_market::id::AccountId;
use galen_market::listing::{Listing, Offer, Standing};
use galen_web::store::Store;
use serde_json::json;

use crate::command::fetch;
use crate::config::Context;
use crate::error::Failure;
use crate::operation::description::Description;
use crate::operation::listing::{self, PublishStep};
use crate::operation::store::PackageStore;
use crate::operation::tier::sentence;
use crate::operation::{FORGEABLE_NOTICE, prover};
use crate::output::{printable, table};
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Arguments of `publish`.
#[derive(Args, Debug)]
pub struct Publish {
    /// The package: its folder, id, or at least six of the id's first digits
    package: String,
    /// Offer it by this description instead of the one it was packed with
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Put the encrypted segments into this folder, or s3://BUCKET/PREFIX of any S3-compatible store,
    /// and not at the node. The description's `locations` say where others read it
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

/// Arguments of `fetch`.
#[derive(Args, Debug)]
pub struct Fetch {
    /// The package's id, at least six of its first digits, or institution/package
    package: String,
    /// The new folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where to fetch from
    #[command(flatten)]
    from: fetch::FetchFrom,
}

/// Arguments of `withdraw`.
#[derive(Args, Debug)]
pub struct Withdraw {
    /// The package: its folder, id, or at least six of the id's first digits
    package: String,
    /// Why; recorded for everybody
    #[arg(long)]
    reason: String,
}

/// Arguments of `resume`.
#[derive(Args, Debug)]
pub struct Resume {
    /// Which of the wallet's institution accounts
    #[arg(long, default_value_t = 0)]
    index: u32,
}

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// With this text in title, description, keywords, diseases, tables or columns
    #[arg(long)]
    text: Option<String>,
    /// With a column of this name
    #[arg(long)]
    column: Option<String>,
    /// About this disease, as MONDO:0005148
    #[arg(long)]
    disease: Option<String>,
    /// Of this institution
    #[arg(long)]
    institution: Option<AccountId>,
    /// With at least this k
    #[arg(long)]
    k_min: Option<u32>,
    /// With at least so many rows
    #[arg(long)]
    rows_min: Option<u64>,
    /// For at most so many minor units
    #[arg(long)]
    price_max: Option<u64>,
    /// Drafts, withdrawn and refunded listings too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// Arguments of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The package's id, at least six of its first digits, or institution/package
    package: String,
}

pub(super) fn fetch(context: &Context, command: &Fetch) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let id = listing::named(&session, &command.package)?;
    let (folder, fetched) = fetch::fetch(context, &session, &id, &command.from, &command.out)?;
    let value = json!({
        "package": id.package,
        "folder": folder.path(),
        "segments": folder.layout().segments(),
        "fetch": fetched,
    });
    context.output.data(&value, || fetch::described(folder.path(), &fetched))
}

pub(super) fn publish(context: &Context, command: &Publish) -> Result<(), Failure> {
    let store = PackageStore::of(&context.home);
    let mut record = store.find(&command.package)?;
    if let Some(path) = &command.description {
        let description = Description::read(path)?;
        record.offer = description.offer(record.institution)?;
        let layout = PackageFolder::read(&record.folder)?;
        let names = layout.layout().tables().iter().map(|table| {
            let columns = table.columns.iter().map(|column| column.name.as_str()).collect();
            (table.name.as_str(), columns)
        });
        description.declare_columns(&mut record.offer, names)?;
        if !context.dry_run {
            store.keep_licence(&description.licence()?)?;
            store.update(&record)?;
        }
    }
    let folder = PackageFolder::read(&record.folder)?;
    let elsewhere = command.store.as_deref().map(Store::open).transpose()?;
    if elsewhere.is_some() && record.offer.locations.is_empty() {
        return Err(Failure::usage("the offer says nowhere where the store is read from")
            .remedy("add `\"locations\": [\"https://…\"]` to the description, the address below which PACKAGE/segments is read, and give it with --description"));
    }
    let key = record.key(&context.wallet()?)?;
    let session = Session::open(context)?;
    let verifier = prover()?.verifier().clone();
    let blocks = folder.layout().blocks().count() as u64;
    let bar = context.output.progress("publishing", blocks.max(1));
    let said = |text: String| bar.suspend(|| context.output.note(text));
    let published = listing::publish(
        &session,
        &key,
        &folder,
        &record,
        (&store, elsewhere.as_ref()),
        &verifier,
        &|step| match step {
            PublishStep::Uploaded { done, total, bytes } if done == total => {
                said(format!("Stored {total} segments ({bytes} bytes) in the store."));
            }
            PublishStep::Uploaded { .. } => {}
            PublishStep::Drafted(done) => said(done.sentence("Draft")),
            PublishStep::Found { proven } => {
                said(format!(
                    "Going on with a listing that is there; {proven} of {blocks} blocks are proven."
                ));
                bar.set_position(proven);
            }
            PublishStep::Storing { part, bytes } => {
                said(format!("Storing {} ({bytes} bytes) at the node.", part.name()))
            }
            PublishStep::Proven { blocks, done } => {
                let what = match blocks.as_slice() {
                    [(table, block)] => format!("Block {block} of table {table}"),
                    more => format!("{} blocks", more.len()),
                };
                said(done.sentence(&what));
                bar.inc(blocks.len() as u64);
            }
            PublishStep::Owing(owed) => {
                for royalty in owed.iter().filter(|royalty| royalty.basis_points > 0) {
                    let points = royalty.basis_points;
                    said(format!(
                        "{points} basis points of every price go to {}.",
                        royalty.listing
                    ));
                }
            }
            PublishStep::Revised(done) => said(done.sentence("New version of the offer")),
        },
    )?;
    bar.finish_and_clear();
    if session.is_forgeable() {
        context.output.note(FORGEABLE_NOTICE);
    }
    context.output.data(&published, || match (published.dry_run, published.standing) {
        (true, _) => "The next step would be accepted. Nothing was sent.\n".to_owned(),
        (false, Some(Standing::Live)) => format!("Package {} is live.\n", record.package),
        (false, _) => format!("Package {} is not live yet; repeat the command.\n", record.package),
    })
}

pub(super) fn resume(context: &Context, command: &Resume) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let key = context.wallet()?.account(Role::Institution, command.index);
    let action = ResumeListings { institution: account_of(&key) };
    let done = session.transact(vec![Action::ResumeListings(action)], &[&key])?;
    context.output.data(&done, || done.sentence("resumed"))
}

pub(super) fn withdraw(context: &Context, command: &Withdraw) -> Result<(), Failure> {
    let record = PackageStore::of(&context.home).find(&command.package)?;
    let key = record.key(&context.wallet()?)?;
    let session = Session::open(context)?;
    if !context.dry_run {
        context.confirm(&format!("Take the listing of {} back?", record.package))?;
    }
    let action = listing::withdraw(&record.listing(), &command.reason)?;
    let done = session.transact(vec![action], &[&key])?;
    context.output.data(&done, || done.sentence(&format!("Package {} withdrawn", record.package)))
}

/// Where a listing stands among its versions and relatives, and why it was closed.
fn line_of(listing: &Listing, offer: &Offer) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(by) = &listing.superseded_by {
        lines.push(format!("A newer version is listed: package {by}"));
    }
    if let Some(before) = &listing.lineage.supersedes {
        lines.push(format!("It supersedes package {before}"));
    }
    if !listing.lineage.parents.is_empty() {
        let step = printable(listing.lineage.step.as_str());
        lines.push(format!("Derived (declared, not proven): {step}"));
        lines.extend(listing.lineage.parents.iter().map(|parent| {
            let owed = listing.royalties.iter().find(|royalty| royalty.listing == *parent);
            let points = owed.map_or(0, |royalty| royalty.basis_points);
            format!("  from {parent}, owed {points} basis points of every price")
        }));
    }
    if offer.royalty > 0 {
        lines.push(format!("Packages derived from it owe {} basis points", offer.royalty));
    }
    if let Some(closing) = &listing.closing {
        lines.push(format!("Closed because: {}", printable(closing.reason.as_str())));
        if let Some(evidence) = &closing.evidence {
            lines.push(format!("Hash of the evidence: {evidence}"));
        }
    }
    lines
}

/// The least price, and whether there are others.
fn from_price(listed: &ListingSummary) -> String {
    let price =
        listed.offer.least_price().map_or_else(|| "-".to_owned(), |price| price.to_string());
    let tiers = &listed.offer.tiers;
    let several = tiers.len() > 1 || tiers.iter().any(|tier| tier.seats.most > tier.seats.included);
    if several { format!("from {price}") } else { price }
}

fn standing(listed: &ListingSummary) -> String {
    match listed.listing.standing {
        Standing::Draft { proven, .. } => {
            format!("draft, {proven} of {} proven", listed.listing.blocks)
        }
        Standing::Live if listed.listing.superseded_by.is_some() => {
            "live, a newer version is listed".to_owned()
        }
        Standing::Live if listed.open => "live".to_owned(),
        Standing::Live => "live, takes no requests".to_owned(),
        Standing::Withdrawn => "withdrawn".to_owned(),
        Standing::TakenDown => "taken down by the registrars".to_owned(),
        Standing::Refunded { .. } => "refunded: not what was listed".to_owned(),
    }
}

pub(super) fn list(context: &Context, command: &List) -> Result<(), Failure> {
    let filter = ListingFilter {
        institution: command.institution,
        text: command.text.clone(),
        column: command.column.clone(),
        disease: command.disease.clone(),
        k_min: command.k_min,
        rows_min: command.rows_min,
        price_max: command.price_max,
        all: command.all,
        after: None,
        limit: Some(command.limit.clamp(1, galen_api::MAX_PAGE)),
    };
    let session = Session::open(context)?;
    let found = listing::all(&session, &filter, command.limit)?;
    context.output.data(&found, || {
        if found.is_empty() {
            return "Nothing fits.\n".to_owned();
        }
        let rows = found.iter().map(|listed| {
            let title = listed
                .declared
                .as_ref()
                .map_or("(no manifest here)", |declared| declared.title.as_str());
            let k = listed
                .tables
                .iter()
                .map(|t| t.k)
                .min()
                .map_or_else(|| "-".to_owned(), |k| k.to_string());
            let l: Vec<String> = listed
                .tables
                .iter()
                .flat_map(|t| &t.diversity)
                .map(|d| format!("{} {}", printable(&d.column), d.l))
                .collect();
            [
                listed.listing.id.package.to_string()[..12].to_owned(),
                title.to_owned(),
                listed.institution_name.clone(),
                listed.tables.iter().map(|t| t.rows).sum::<u64>().to_string(),
                k,
                if l.is_empty() { "-".to_owned() } else { l.join(", ") },
                from_price(listed),
                standing(listed),
            ]
        });
        let note = if session.is_forgeable() {
            "\n\nDevelopment ledger: every proof here is forgeable.\n"
        } else {
            ""
        };
        format!(
            "{}{note}",
            table(["package", "title", "institution", "rows", "k", "l", "price", ""], rows)
        )
    })
}

pub(super) fn show(context: &Context, command: &Show) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let id = listing::named(&session, &command.package)?;
    let view = session.client().listing(&id)?;
    context.output.data(&view, || shown(&view))
}

/// Files shown by their names.
const FILES_SHOWN: usize = 20;

fn files(view: &ListingView) -> String {
    let all = view.layout.files();
    if all.is_empty() {
        return "none".to_owned();
    }
    let shown = all.iter().take(FILES_SHOWN);
    let mut shown: Vec<String> =
        shown.map(|file| format!("{} ({} bytes)", printable(&file.name), file.bytes)).collect();
    if all.len() > FILES_SHOWN {
        shown.push(format!("and {} more", all.len() - FILES_SHOWN));
    }
    shown.join("\n             ")
}

fn shown(view: &ListingView) -> String {
    let listed = &view.summary;
    let terms = &listed.offer.terms;
    let declared = listed.declared.clone().unwrap_or_default();
    let text = |text: &str| printable(text);
    let mut persons = declared.persons.iter();
    let tables = listed.tables.iter().map(|t| {
        [
            t.name.clone(),
            t.rows.to_string(),
            format!("{}{}", t.k, if t.proven { " (proven)" } else { " (not proven yet)" }),
            t.quasi_identifiers.join(", "),
            t.columns.join(", "),
            // Declared, not proven.
            persons.next().map(|said| text(said)).unwrap_or_default(),
        ]
    });
    let clauses: Vec<String> = terms.clauses.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        format!("{}  ({})", text(&declared.title), standing(listed)),
        text(&declared.description),
        String::new(),
        format!("package      {}", listed.listing.id.package),
        format!(
            "institution  {} {}",
            text(&listed.institution_name),
            listed.listing.id.institution
        ),
        format!("offer        version {}", listed.listing.version),
        format!("terms        {}", clauses.join(", ")),
        format!("licence      {} (SHA-256 {})", text(&declared.licence), terms.licence_text),
        format!("segments     {}", listed.listing.segments),
        format!("files        {}", files(view)),
        String::new(),
        table(["table", "rows", "k", "quasi-identifiers", "columns", "persons (declared)"], tables),
    ];
    lines.push(String::new());
    lines.push("Tiers:".to_owned());
    lines.extend(listed.offer.tiers.iter().map(|tier| format!("  {}", text(&sentence(tier)))));
    if let Some(most) = listed.offer.max_licences {
        lines.push(format!(
            "Licences: {} of {most} are sold or on the way.",
            listed.listing.licences
        ));
    }
    lines.extend(line_of(&listed.listing, &listed.offer));
    for ((short, spec), claims) in listed.tables.iter().zip(view.layout.tables()).zip(&view.claims)
    {
        let state = if short.proven { "Proven" } else { "Stated, not proven" };
        lines.push(String::new());
        lines.push(format!("{state} of table {}:", text(&spec.name)));
        let said = words::proven(&view.layout, spec, claims);
        lines.extend(said.iter().map(|sentence| format!("  {}", text(sentence))));
        for chart in words::charts(&view.layout, spec, claims) {
            lines.push(String::new());
            let missing = [("missing".to_owned(), chart.missing)];
            let bins = chart.bins.into_iter().chain(missing);
            let bins = bins.map(|(bin, rows)| [text(&bin), rows.to_string()]);
            lines.push(table([chart.column.as_str(), "rows"], bins));
        }
    }
    lines.push(String::new());
    lines.push("Everything else is declared by the institution, not proven: what columns mean, what was done before packing, and that the records are true.".to_owned());
    if listed.forgeable_parameters {
        lines.push(String::new());
        lines.push(FORGEABLE_NOTICE.to_owned());
    }
    lines.join("\n")
}
