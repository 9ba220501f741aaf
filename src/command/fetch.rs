//! Fetching packages: options and messages that `galen dataset fetch` and `galen deal` share.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use galen_dataset::package::PackageFolder;
use galen_market::listing::ListingId;
use indicatif::ProgressBar;

use crate::config::Context;
use crate::error::Failure;
use crate::mirror::address::Mirror;
use crate::mirror::{Fetched, Patience, Watch};
use crate::operation::receive::{self, Sources};
use crate::output::{Output, printable};
use crate::session::Session;

/// Where to fetch from.
#[derive(Args, Clone, Debug)]
pub struct FetchFrom {
    /// Another address that serves the package; may be repeated. A node's, or that of a folder of
    /// packages on any server: below it stands PACKAGE/segments
    #[arg(long = "mirror", value_name = "URL", value_parser = mirror)]
    mirrors: Vec<Mirror>,
    /// Also ask those of the listing's addresses that lie on this machine or its network
    #[arg(long)]
    private_mirrors: bool,
    /// How long a mirror may send nothing before it is given up, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    stall: u64,
}

fn mirror(text: &str) -> Result<Mirror, String> {
    Mirror::named(text)
}

impl FetchFrom {
    fn sources(&self) -> Sources {
        Sources {
            mirrors: self.mirrors.clone(),
            inside: self.private_mirrors,
            patience: Patience::of(Duration::from_secs(self.stall)),
        }
    }
}

/// Shows a fetch to the person at the screen.
struct Shown {
    output: Output,
    bar: ProgressBar,
}

impl Watch for Shown {
    fn progress(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn left(&self, mirror: &str, why: &str) {
        let text = format!("left {}: {}", printable(mirror), printable(why));
        self.bar.suspend(|| self.output.warn(text));
    }
}

/// Fetches a package into a folder, or finds it there.
///
/// # Errors
/// As [`receive::fetch`].
pub fn fetch(
    context: &Context,
    session: &Session,
    listing: &ListingId,
    from: &FetchFrom,
    target: &Path,
) -> Result<(PackageFolder, Fetched), Failure> {
    let above = crate::operation::prepare::above(target);
    std::fs::create_dir_all(&above).map_err(|error| Failure::file(&above, &error))?;
    let shown = Shown { output: context.output, bar: context.output.progress("fetching", 0) };
    let fetched = receive::fetch(session, listing, target, &from.sources(), &shown)?;
    shown.bar.finish_and_clear();
    Ok(fetched)
}

/// What a fetch came to, in words.
#[must_use]
pub fn described(path: &Path, fetched: &Fetched) -> String {
    let mut text = format!(
        "{}: {} segments, all as listed; {} were there, {} fetched",
        path.display(),
        fetched.kept.saturating_add(fetched.fetched),
        fetched.kept,
        fetched.fetched
    );
    for given in fetched.mirrors.iter().filter(|given| given.segments > 0) {
        text.push_str(&format!("\n  {} from {}", given.segments, printable(&given.mirror)));
    }
    text
}
