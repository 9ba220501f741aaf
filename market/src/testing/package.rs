//! A package of one small file, its listing, and what a buyer and its institution send about it.

use galen_zk::circuit::edwards::JubScalar;
use galen_zk::circuit::key_envelope::{KeyEnvelope, seal};
use galen_zk::field::{Scalar, hash_to_scalar};
use galen_zk::hash::{key_commitment, segment_key};
use galen_zk::point::JubPoint;

use super::{Researcher, Signing, Simulation, Wallet, euros, prover, text};
use crate::action::Action;
use crate::action::trade::{Deliver, DraftListing, Ready, RequestDeal};
use crate::amount::Amount;
use crate::codec::{Bounded, Bytes, encode};
use crate::deal::Deal;
use crate::error::TxError;
use crate::fee::FeePayer;
use crate::id::{DealId, Digest, Hasher};
use crate::layout::{BlockRows, File, Layout};
use crate::ledger::Receipt;
use crate::listing::{Declared, Lineage, ListingId, Offer, Seats, Share, Tier};
use crate::payment::{Funding, Refund};
use crate::segment::{self, Leaf, LeafTree, NONCE_BYTES};
use crate::state_key;
use crate::terms::{Clause, Purpose, PurposeKind, Terms, duo};
use crate::transaction::{NO_EXPIRY, Transaction};

/// A package of one file of one segment.
#[derive(Clone)]
pub struct FilePackage {
    /// The master key.
    pub key: Scalar,
    /// The file's ciphertext.
    pub ciphertext: Vec<u8>,
    /// The tree of its only leaf.
    pub leaves: LeafTree,
    /// The action that lists it.
    pub draft: DraftListing,
}

impl FilePackage {
    /// The package of a name, offered by an institution for research of any kind at a price.
    ///
    /// # Panics
    /// Never: the parts fit.
    #[must_use]
    pub fn new(institution: &Wallet, name: &str, price: u64) -> Self {
        let key = Scalar(hash_to_scalar("galen/test/master-key", &[name.as_bytes()]));
        let content = format!("The records of {name}.");
        let file = File { name: "records.txt".to_owned(), first: 0, bytes: content.len() as u64 };
        let layout = Layout::new(BlockRows::Small, vec![], vec![], vec![file])
            .expect("one file is a layout");
        let place = layout.place(0).expect("there is one segment");
        let cipher_key = Scalar(segment_key(key.0, 0)).to_bytes();
        let sealed = segment::seal(&cipher_key, 0, 1, [9; NONCE_BYTES], content.as_bytes());
        let ciphertext = sealed.expect("a short file");
        let leaf = Leaf::new(&place, &ciphertext, [0; 32]);
        let leaves = LeafTree::new(&[leaf]).expect("one leaf is a tree");
        let terms = Terms {
            clauses: Bounded::new(vec![Clause::plain(duo::GRU)]).expect("one clause"),
            licence_text: Digest([3; 32]),
            review_ms: None,
            review_all: false,
        };
        let tier = Tier {
            name: text("standard"),
            purposes: Bounded::default(),
            price: euros(price),
            licence_months: 12,
            seats: Seats::default(),
            subscription: None,
        };
        let share = Share::of_account(institution.id(), 10_000);
        let draft = DraftListing {
            institution: institution.id(),
            root: Digest(leaves.root()),
            segments: 1,
            key: Scalar(key_commitment(key.0)),
            layout,
            manifest: Digest(segment::sha256(name.as_bytes())),
            claims: Bounded::default(),
            lineage: Lineage::default(),
            offer: Offer {
                terms,
                tiers: Bounded::new(vec![tier]).expect("one tier"),
                shares: Bounded::new(vec![share]).expect("one share"),
                royalty: 0,
                max_licences: None,
                max_undelivered: 4,
                locations: Bounded::new(vec![text("http://127.0.0.1/")]).expect("one address"),
                declared: Declared::default(),
            },
        };
        Self { key, ciphertext, leaves, draft }
    }

    /// The listing.
    #[must_use]
    pub fn listing(&self) -> ListingId {
        ListingId { institution: self.draft.institution, package: self.draft.package() }
    }

    /// A request for its first tier with the seats included, paid by an account and refunded to it.
    ///
    /// # Panics
    /// When the offer has no tier.
    #[must_use]
    pub fn request(&self, funder: &Wallet, buyer: &Buyer, ready: bool) -> RequestDeal {
        let ListingId { institution, package } = self.listing();
        let offer = &self.draft.offer;
        let tier = offer.tiers.first().expect("an offer has a tier");
        RequestDeal {
            institution,
            package,
            version: 1,
            tier: tier.name.clone(),
            seats: tier.seats.included,
            terms: tier.agreement(&offer.terms),
            price: tier.total(tier.seats.included).expect("the price fits"),
            purpose: Purpose::new(PurposeKind::General, None),
            allowance: Amount::new(100),
            funding: Funding::Account(funder.id()),
            refund: Refund::Account(funder.id()),
            delivery_key: buyer.delivery_key,
            auth_key: buyer.auth.id(),
            ready,
        }
    }
}

/// Changes the first tier of an offer.
///
/// # Panics
/// When the offer has no tier.
pub fn change_tier(offer: &mut Offer, change: impl FnOnce(&mut Tier)) {
    let mut tiers = offer.tiers.to_vec();
    change(tiers.first_mut().expect("an offer has a tier"));
    offer.tiers = Bounded::new(tiers).expect("as many as before");
}

/// A buyer's one-time keys.
#[derive(Clone)]
pub struct Buyer {
    /// Signs `ready` and disputes.
    pub auth: Wallet,
    /// Secret to which the master key is encrypted.
    pub secret: JubScalar,
    /// Its public key.
    pub delivery_key: JubPoint,
}

impl Buyer {
    /// The one-time keys of a name.
    ///
    /// # Panics
    /// Never: the secret is not zero.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let seed = segment::sha256(name.as_bytes());
        let word =
            u64::from_le_bytes([seed[0], seed[1], seed[2], seed[3], seed[4], seed[5], seed[6], 1]);
        let secret = JubScalar::from(word);
        let delivery_key = JubPoint::generator().times(&secret).expect("a scalar other than zero");
        Self { auth: Wallet::new(&format!("one-time key of {name}")), secret, delivery_key }
    }
}

impl Simulation {
    /// Lists a package; without tables it is live at once.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn list(
        &mut self,
        institution: &Wallet,
        package: &FilePackage,
    ) -> Result<Receipt, TxError> {
        self.act(vec![Action::DraftListing(package.draft.clone())], &[institution])
    }

    /// Signs a request with the funder's account and a researcher's credential.
    ///
    /// # Panics
    /// When the credential cannot be proven.
    #[must_use]
    pub fn request(
        &mut self,
        request: RequestDeal,
        funder: &Wallet,
        researcher: &Researcher,
        j: u16,
    ) -> Transaction {
        let signing = Signing {
            accounts: vec![funder],
            credential: Some((researcher, j)),
            ..Signing::default()
        };
        self.sign_with(vec![Action::RequestDeal(request)], &signing)
    }

    /// Says that the buyer is ready, at the deal's expense.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn ready(&mut self, deal: DealId, buyer: &Buyer) -> Result<Receipt, TxError> {
        let signing = Signing {
            payer: Some(FeePayer::Deal(deal)),
            deal_key: Some(&buyer.auth),
            ..Signing::default()
        };
        let transaction = self.sign_with(vec![Action::Ready(Ready { deal })], &signing);
        self.submit(&transaction)
    }

    /// The delivery of a package's key, at the deal's expense and good until the deal's deadline.
    ///
    /// # Panics
    /// When there is no such deal, or the proof cannot be made.
    #[must_use]
    pub fn delivery(&mut self, id: DealId, package: &FilePackage) -> Transaction {
        let deal = self.deal(id);
        let (public, witness) =
            seal(package.key, &deal.delivery_key, Deal::scalar(&id), &mut self.rng);
        let proof = prover()
            .prove(&KeyEnvelope::default(), &public, &witness, &mut self.rng)
            .expect("the key opens the commitment");
        let deliver = Deliver {
            deal: id,
            ephemeral: public.ephemeral,
            ciphertext: public.ciphertext,
            proof: Bytes::new(encode(&proof)).expect("a proof has 128 bytes"),
        };
        let signing = Signing {
            payer: Some(FeePayer::Deal(id)),
            expiry_ms: Some(NO_EXPIRY),
            ..Signing::default()
        };
        self.sign_with(vec![Action::Deliver(deliver)], &signing)
    }

    /// A deal.
    ///
    /// # Panics
    /// When there is none of this id.
    #[must_use]
    pub fn deal(&self, id: DealId) -> Deal {
        self.read(&state_key::deal(&id)).expect("the deal is there")
    }
}

/// The deal that a request opens.
///
/// # Panics
/// When the transaction shows no credential.
#[must_use]
pub fn deal_of(request: &Transaction) -> DealId {
    let shown = request.authorization.credential.as_ref().expect("a credential is shown");
    DealId(Hasher::new("galen/deal").value(&shown.nullifier).digest().0)
}
