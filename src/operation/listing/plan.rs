//! What publishing would sign, found before anything is signed: it can be shown to a person, and refused
//! when it is not what was shown. Depends on the ledger by way of the session.

use galen_api::ListingView;
use galen_dataset::package::PackageFolder;
use galen_market::id::{Digest, Hasher};
use galen_market::listing::{Royalty, Standing};

use super::{draft, find};
use crate::error::{Exit, Failure};
use crate::operation::royalty;
use crate::operation::store::PackageRecord;
use crate::session::Session;

/// What publishing would do with a package.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The record, with what is owed upstream among the shares of its offer.
    pub(super) record: PackageRecord,
    /// What is owed upstream.
    pub(super) owed: Vec<Royalty>,
    /// The listing as it stands, if there is one.
    pub(super) view: Option<ListingView>,
}

impl Plan {
    /// For a package of this machine.
    ///
    /// # Errors
    /// When its shares do not hold what is owed, a parent is not listed, or the node cannot be reached.
    pub fn of(session: &Session, record: &PackageRecord) -> Result<Self, Failure> {
        Self::with(session, record, find(session, &record.listing())?)
    }

    /// The same, when it is known how the listing stands.
    ///
    /// # Errors
    /// As [`Plan::of`].
    pub fn with(
        session: &Session,
        record: &PackageRecord,
        view: Option<ListingView>,
    ) -> Result<Self, Failure> {
        let owed = royalty::owed(session, view.as_ref(), record)?;
        let offer = royalty::with_royalties(&record.offer, &owed)?;
        Ok(Self { record: PackageRecord { offer, ..record.clone() }, owed, view })
    }

    /// What is public, or becomes so: as the ledger has it, or as the draft would say.
    #[must_use]
    pub fn public(&self) -> PackageRecord {
        let record = self.record.clone();
        match &self.view {
            Some(ListingView { summary, claims, .. }) => PackageRecord {
                claims: claims.clone(),
                lineage: summary.listing.lineage.clone(),
                offer: summary.offer.clone(),
                ..record
            },
            None => record,
        }
    }

    /// What is owed upstream.
    #[must_use]
    pub fn owed(&self) -> &[Royalty] {
        &self.owed
    }

    /// Names what would be signed: the whole draft, and whether it is on the ledger already.
    ///
    /// # Errors
    /// As [`draft`].
    pub fn digest(&self, folder: &PackageFolder) -> Result<Digest, Failure> {
        let action = draft(folder, &self.public())?;
        Ok(Hasher::new("galen/publish").value(&action).value(&self.view.is_some()).digest())
    }

    /// Refuses to publish anything but a draft, and one that a person was not shown.
    ///
    /// # Errors
    /// When the listing is no draft any more, or something differs from what has this digest.
    pub fn require(&self, folder: &PackageFolder, shown: &str) -> Result<(), Failure> {
        let changed = |what: &str| Failure::new(Exit::Failure, "publish.changed", what);
        match self.view.as_ref().map(|view| view.summary.listing.standing) {
            None | Some(Standing::Draft { .. }) => {}
            Some(Standing::Live) => {
                return Err(changed("the dataset is live already; nothing was signed")
                    .remedy("look at its page as it stands now"));
            }
            Some(_) => {
                return Err(changed(
                    "the listing was closed, and is not opened again from here; nothing was signed",
                )
                .remedy("list it again with `galen dataset publish`, if that is what you want"));
            }
        }
        if self.digest(folder)?.to_string() != shown {
            return Err(changed(
                "offer, shares or standing of the package are not as they were shown; nothing was signed",
            )
            .remedy("read the page of the package as it is now, and sign that"));
        }
        Ok(())
    }
}
