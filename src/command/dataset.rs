//! `galen dataset`: from a raw table to a listing.

mod eligible;
mod listing;
mod package;
mod prepare;
mod records;

use clap::Subcommand;

use crate::config::Context;
use crate::error::Failure;

/// Verbs of `galen dataset`.
#[derive(Subcommand, Debug)]
pub enum Dataset {
    /// Look at a table: kinds of columns, and what in it could name a person
    #[command(
        after_help = "Examples:\n  galen dataset inspect patients.csv\n  galen dataset inspect patients.parquet\n  galen dataset inspect patients.csv --role zip=quasi --role note=drop --save-roles roles.json"
    )]
    Inspect(prepare::Inspect),
    /// Generalise and suppress until k persons or rows share every combination of quasi-identifiers,
    /// and show l different values of what is sensitive
    #[command(
        after_help = "Examples:\n  galen dataset deidentify patients.csv --roles roles.json --compare 5,11,25\n  galen dataset deidentify patients.csv --roles roles.json --k 11 --suppression 0.02 --out ward-7\n  galen dataset deidentify patients.csv --roles roles.json --k 11 --l diagnosis=4 --l outcome=2 --out ward-7"
    )]
    Deidentify(prepare::Deidentify),
    /// Encrypt de-identified tables, and files, into a package folder
    #[command(after_help = package::PACK_HELP)]
    Pack(package::Pack),
    /// Prove what is claimed of every row block of a package
    #[command(
        after_help = "Examples:\n  galen dataset prove ward-7.galen\n  galen dataset prove 3fa4c1 --home /srv/hospital\n  galen dataset prove ward-7.galen --blocks 16..32 --out shard-1\n  galen dataset prove ward-7.galen --combine shard-0 shard-1"
    )]
    Prove(package::Prove),
    /// Check a package folder, or a listed package at a node, without any key
    #[command(
        after_help = "Examples:\n  galen dataset verify ward-7.galen --offline\n  galen dataset verify ward-7.galen\n  galen dataset verify 3fa4c1 --node https://galen.example"
    )]
    Verify(package::Verify),
    /// Fetch the encrypted package of a listing and check every byte of it, without a deal: to serve it
    /// elsewhere, or to have it beforehand
    #[command(
        after_help = "Run it again after an interruption, whatever it was: what was fetched is kept.\n\nExamples:\n  galen dataset fetch 3fa4c1 --out /srv/packages/3fa4c1\n  galen dataset fetch 3fa4c1 --out ward-7 --mirror https://mirror.example/packages --json"
    )]
    Fetch(listing::Fetch),
    /// List a proven package; repeat it to go on after an interruption
    #[command(
        after_help = "Examples:\n  galen dataset publish ward-7.galen\n  galen dataset publish ward-7.galen --dry-run\n  galen dataset publish ward-7.galen --description new-price.json\n  galen dataset publish ward-7.galen --store s3://hospital/packages"
    )]
    Publish(listing::Publish),
    /// Take a listing back; deals that were requested before go on
    #[command(
        after_help = "Example:\n  galen dataset withdraw ward-7.galen --reason 'A corrected version follows'"
    )]
    Withdraw(listing::Withdraw),
    /// Sign that the institution is back after a missed delivery, so that its listings take requests again
    #[command(
        after_help = "Examples:\n  galen dataset resume\n  galen dataset resume --index 1 --dry-run"
    )]
    Resume(listing::Resume),
    /// List what is offered
    #[command(
        after_help = "Examples:\n  galen dataset list\n  galen dataset list --text glucose --k-min 10 --json"
    )]
    List(listing::List),
    /// Say whether your credential qualifies, clause by clause, and what a request would reveal; sends
    /// nothing
    #[command(
        after_help = "Examples:\n  galen dataset eligible 3fa4c1\n  galen dataset eligible 3fa4c1 --purpose disease --disease MONDO:0005148 --undertake all\n  galen dataset eligible --all --json\n\nThe exit code is 0 if a request would be allowed or reviewed, and 4 if it would be refused."
    )]
    Eligible(eligible::Eligible),
    /// Show the terms of a listing, or export them as an ODRL policy
    #[command(
        after_help = "Examples:\n  galen dataset terms 3fa4c1\n  galen dataset terms 3fa4c1 --odrl > terms.jsonld"
    )]
    Terms(eligible::ShowTerms),
    /// Show one listing
    #[command(after_help = "Example:\n  galen dataset show 3fa4c1")]
    Show(listing::Show),
    /// What happened to a dataset, for auditors: listed, priced, licensed, disputed, withdrawn
    #[command(
        after_help = "Examples:\n  galen dataset history 3fa4c1\n  galen dataset history 3fa4c1 --prove --genesis genesis.json"
    )]
    History(records::History),
    /// What a dataset comes from and what comes from it
    #[command(
        after_help = "Examples:\n  galen dataset lineage 3fa4c1\n  galen dataset lineage 3fa4c1 --form dot | dot -Tsvg > lineage.svg"
    )]
    Lineage(records::Lineage),
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with a file, the wallet, the node or a transaction.
pub fn run(context: &Context, command: Dataset) -> Result<(), Failure> {
    match command {
        Dataset::Inspect(command) => prepare::inspect(context, &command),
        Dataset::Deidentify(command) => prepare::deidentify(context, &command),
        Dataset::Pack(command) => package::pack(context, &command),
        Dataset::Prove(command) => package::prove(context, &command),
        Dataset::Verify(command) => package::verify(context, &command),
        Dataset::Fetch(command) => listing::fetch(context, &command),
        Dataset::Publish(command) => listing::publish(context, &command),
        Dataset::Withdraw(command) => listing::withdraw(context, &command),
        Dataset::Resume(command) => listing::resume(context, &command),
        Dataset::List(command) => listing::list(context, &command),
        Dataset::Eligible(command) => eligible::eligible(context, &command),
        Dataset::Terms(command) => eligible::terms(context, &command),
        Dataset::Show(command) => listing::show(context, &command),
        Dataset::History(command) => records::history(context, &command),
        Dataset::Lineage(command) => records::lineage(context, &command),
    }
}
