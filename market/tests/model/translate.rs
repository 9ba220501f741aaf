//! An act as a transaction of the ledger, and as a question to the reference.

use galen_market::action::trade::*;
use galen_market::action::{
    Action, Admission, Admit, Burn, DepositBond, Mint, Suspend, Transfer, WithdrawBond,
};
use galen_market::amount::{Amount, Asset};
use galen_market::codec::{Bounded, Bytes, Text, encode};
use galen_market::fee::{Fee, FeePayer};
use galen_market::id::{AccountId, DealId, Digest, Hasher, PackageId, Signature, StandingId};
use galen_market::identity::presentation::{DAY_MS, IssuerRoot, Presentation, ProvenCredential};
use galen_market::listing::{
    Declared, Lineage, ListingId, Offer, Payee, Seats, Share, SubscriptionTerms, Tier,
};
use galen_market::payment::{Funding, Refund};
use galen_market::role;
use galen_market::state_key;
use galen_market::terms::{Clause, Code, NONPROFIT_BIT, Purpose, PurposeKind, Terms, duo};
use galen_market::testing::{eur, euros, text};
use galen_market::transaction::{
    AccountSignature, Authorization, KeySignature, NO_EXPIRY, Transaction,
};
use galen_market::wanted::{TableWanted, Wanted as RealWanted, period};
use galen_zk::circuit::credential::{Countries, Disclosed, Opening};
use galen_zk::field::Scalar;
use galen_zk::hash::segment_key;
use galen_zk::point::JubPoint;

use super::acts::{Act, Step};
use super::deals::Asked;
use super::listings::Shape;
use super::reference::{self as model, Against, Buyer, Name, Place, Reference};
use super::subscriptions::{Claim, Renewal};
use super::wanted::Wanted;
use super::world::World;

/// A transaction, and what a credential proved for it.
pub struct Sent {
    pub transaction: Transaction,
    pub credential: Option<ProvenCredential>,
    /// Who pays the fee, unless a deal or a standing request does.
    pub payer: Option<Name>,
}

/// Who signs for an act.
#[derive(Default)]
struct Signers {
    accounts: Vec<Name>,
    /// A deal or a standing request that pays.
    payer: Option<FeePayer>,
    key: Option<AccountId>,
    shown: Option<Buyer>,
    no_expiry: bool,
}

/// Every buyer has the same one-time key, as it matters only whether it is the right one.
fn one_time_key() -> AccountId {
    AccountId([0xee; 32])
}

fn key(own: bool) -> Option<AccountId> {
    Some(if own { one_time_key() } else { AccountId([0xdd; 32]) })
}

fn purpose(buyer: &Buyer) -> Purpose {
    let kind = if buyer.health { PurposeKind::Health } else { PurposeKind::General };
    Purpose::new(kind, None)
}

fn real_role(role: model::Role) -> role::Role {
    match role {
        model::Role::Institution => role::Role::Institution,
        model::Role::Issuer => role::Role::Issuer,
    }
}

/// The offer on the ledger.
pub fn real_offer(offer: &model::Offer) -> Offer {
    let codes: &[Code] = if offer.strict { &[duo::HMB, duo::NPU] } else { &[duo::GRU] };
    let clauses = codes.iter().map(|code| Clause::plain(*code));
    let tier = |(number, tier): (usize, &model::Tier)| Tier {
        name: text(&tier_name(number)),
        purposes: Bounded::new(if tier.health_only { vec![PurposeKind::Health] } else { vec![] })
            .expect("one purpose"),
        price: euros(tier.price),
        licence_months: 12,
        seats: Seats {
            included: tier.included,
            extra: Amount::new(tier.extra),
            most: tier.most.max(tier.included),
        },
        subscription: tier.term.map(|(months, price)| SubscriptionTerms {
            months: u32::try_from(months).expect("few months"),
            price: Amount::new(price),
        }),
    };
    let shares = offer.shares.iter().map(|(payee, points)| Share {
        payee: match payee {
            model::Payee::Account(account) => Payee::Account(AccountId(*account)),
            model::Payee::Listing(listing) => Payee::Listing(listing_id(*listing)),
        },
        basis_points: points_of(*points),
    });
    Offer {
        terms: Terms {
            clauses: Bounded::new(clauses.collect()).expect("two clauses"),
            licence_text: Digest([3; 32]),
            review_ms: offer.review,
            review_all: offer.review.is_some(),
        },
        tiers: Bounded::new(offer.tiers.iter().enumerate().map(tier).collect()).expect("two tiers"),
        shares: Bounded::new(shares.collect()).expect("few shares"),
        royalty: points_of(offer.royalty),
        max_licences: offer.most_licences,
        max_undelivered: offer.most_undelivered,
        locations: Bounded::default(),
        declared: Declared::default(),
    }
}

fn points_of(points: u64) -> u16 {
    u16::try_from(points).expect("about ten thousand at most")
}

pub fn listing_id(name: model::ListingName) -> ListingId {
    ListingId { institution: AccountId(name.0), package: PackageId(name.1) }
}

fn real_lineage(lineage: &model::Lineage) -> Lineage {
    let parents: Vec<ListingId> = lineage.parents.iter().map(|name| listing_id(*name)).collect();
    let step = if parents.is_empty() { "" } else { "joined by postcode" };
    Lineage {
        supersedes: lineage.supersedes.map(PackageId),
        parents: Bounded::new(parents).expect("three parents"),
        step: text(step),
    }
}

fn reason(given: bool) -> Text<500> {
    text(if given { "no longer offered" } else { "  " })
}

fn tier_name(number: usize) -> String {
    format!("tier {number}")
}

impl World<'_> {
    /// The deal of a claim, of which there were so many of that version before.
    fn claim_name(&self, claim: &Claim) -> Name {
        let claims = self.model.claims_of(claim.subscription, claim.package);
        let claims = u32::try_from(claims).expect("few claims");
        let name = Hasher::new("galen/claim").value(&DealId(claim.subscription));
        name.value(&PackageId(claim.package)).value(&claims).digest().0
    }

    /// The transaction of an act, for a block of a time; nothing for no act.
    pub fn transaction(&self, step: &Step, time_ms: u64) -> Option<Sent> {
        let account = AccountId;
        let by = |name: Name| Signers { accounts: vec![name], ..Signers::default() };
        let gateway = self.real.gateway.id().0;
        let registrars: Vec<Name> =
            self.real.registrars.iter().take(2).map(|wallet| wallet.id().0).collect();
        let so_many = |signed: usize| Signers {
            accounts: registrars[..signed].to_vec(),
            ..Signers::default()
        };
        let two = || so_many(2);
        let of_deal = |deal: Name, key| Signers {
            payer: Some(FeePayer::Deal(DealId(deal))),
            key,
            ..Signers::default()
        };
        let (action, signers) = match &step.act {
            Act::Nothing => return None,
            Act::Mint { to, amount } => {
                let (gateway, to) = (self.real.gateway.id(), account(*to));
                (Action::Mint(Mint { gateway, to, money: euros(*amount) }), by(gateway.0))
            }
            Act::Burn { amount } => {
                let burn = Burn { gateway: account(gateway), money: euros(*amount) };
                (Action::Burn(burn), by(gateway))
            }
            Act::Transfer { from, to, amount } => {
                let (to, amount) = (account(*to), Amount::new(*amount));
                let asset = Asset::Currency(eur());
                let transfer = Transfer { from: account(*from), to, asset, amount };
                (Action::Transfer(transfer), by(*from))
            }
            Act::DepositBond { institution, amount } => {
                let deposit =
                    DepositBond { institution: account(*institution), money: euros(*amount) };
                (Action::DepositBond(deposit), by(*institution))
            }
            Act::WithdrawBond { institution, amount } => {
                let withdraw =
                    WithdrawBond { institution: account(*institution), money: euros(*amount) };
                (Action::WithdrawBond(withdraw), by(*institution))
            }
            Act::Admit { role, party } => {
                let admission = match role {
                    model::Role::Institution => Admission::Institution,
                    model::Role::Issuer => Admission::Issuer,
                };
                let (name, url, evidence) = (text("again"), text(""), Digest([1; 32]));
                let admit = Admit { account: account(*party), admission, name, url, evidence };
                (Action::Admit(admit), two())
            }
            Act::Suspend { role, party } => {
                let (role, evidence) = (real_role(*role), Digest([1; 32]));
                let suspend = Suspend { account: account(*party), role, evidence };
                (Action::Suspend(suspend), two())
            }
            Act::Draft { good, offer, lineage } => {
                let good = &self.goods.0[*good];
                let (offer, lineage) = (real_offer(offer), real_lineage(lineage));
                let draft = DraftListing { offer, lineage, ..good.draft.clone() };
                (Action::DraftListing(draft), by(good.institution))
            }
            Act::Prove { good, block } => {
                let good = &self.goods.0[*good];
                let made = good.blocks.get(*block as usize).or_else(|| good.blocks.first())?;
                let prove = ProveBlock { block: *block, ..made.clone() };
                (Action::ProveBlock(prove), by(good.institution))
            }
            Act::Withdraw { good, with_reason } => {
                let good = &self.goods.0[*good];
                let ListingId { institution, package } = listing_id(good.listing());
                let reason = reason(*with_reason);
                let withdraw = WithdrawListing { institution, package, reason };
                (Action::WithdrawListing(withdraw), by(good.institution))
            }
            Act::TakeDown { good, signed, with_reason } => {
                let ListingId { institution, package } = listing_id(self.goods.0[*good].listing());
                let (reason, evidence) = (reason(*with_reason), Digest([5; 32]));
                let down = TakeDownListing { institution, package, reason, evidence };
                (Action::TakeDownListing(down), so_many(*signed))
            }
            Act::Revise { good, offer } => {
                let good = &self.goods.0[*good];
                let ListingId { institution, package } = listing_id(good.listing());
                let revise = ReviseListing { institution, package, offer: real_offer(offer) };
                (Action::ReviseListing(revise), by(good.institution))
            }
            Act::Resume { institution } => {
                let resume = ResumeListings { institution: account(*institution) };
                (Action::ResumeListings(resume), by(*institution))
            }
            Act::Request(asked) => {
                let signers = Signers { shown: Some(asked.buyer), ..by(asked.funder) };
                (Action::RequestDeal(self.request_of(asked)), signers)
            }
            Act::Review { institution, deal, accept } => {
                let (institution, deal) = (account(*institution), DealId(*deal));
                let review =
                    ReviewDeal { institution, deal, accept: *accept, reason: text("so be it") };
                (Action::ReviewDeal(review), by(institution.0))
            }
            Act::Ready { deal, own_key, shown } => {
                let signers = Signers { shown: *shown, ..of_deal(*deal, key(*own_key)) };
                (Action::Ready(Ready { deal: DealId(*deal) }), signers)
            }
            Act::Deliver { deal } => {
                let signers = Signers { no_expiry: true, ..of_deal(*deal, None) };
                let deliver = Deliver {
                    deal: DealId(*deal),
                    ephemeral: JubPoint::generator(),
                    ciphertext: Scalar::from(7),
                    proof: Bytes::default(),
                };
                (Action::Deliver(deliver), signers)
            }
            Act::Dispute { deal, own_key } => {
                (Action::Dispute(self.evidence(*deal)), of_deal(*deal, key(*own_key)))
            }
            Act::Post(wanted) => {
                let signers = Signers { shown: Some(wanted.buyer), ..by(wanted.funder) };
                (Action::PostStanding(post_of(wanted, time_ms)), signers)
            }
            Act::Cancel { standing, own_key } => {
                let standing = StandingId(*standing);
                let payer = Some(FeePayer::Standing(standing));
                let signers = Signers { payer, key: key(*own_key), ..Signers::default() };
                (Action::CancelStanding(CancelStanding { standing }), signers)
            }
            Act::Claim(claim) => {
                let signers = Signers { key: key(claim.own_key), ..by(claim.funder) };
                (Action::ClaimVersion(claim_of(claim)), signers)
            }
            Act::Renew(renewal) => {
                let (key, shown) = (key(renewal.own_key), Some(renewal.shown));
                let signers = Signers { key, shown, ..by(renewal.funder) };
                (Action::RenewSubscription(self.renewal_of(renewal)), signers)
            }
        };
        Some(self.signed(action, &signers, nullifier(step), time_ms))
    }

    /// The present version of a listing, and a tier of it as it now stands.
    fn present(
        &self,
        listing: model::ListingName,
        tier: usize,
        up_to_date: bool,
    ) -> (u32, Option<(Offer, Tier)>) {
        let listing = self.model.listings.get(&listing);
        let version = listing.map_or(1, |listing| listing.offers.len());
        let offer = listing.and_then(|listing| listing.offers.last()).map(real_offer);
        let tier = offer.as_ref().and_then(|offer| offer.tiers.get(tier)).cloned();
        (u32::try_from(version).expect("few") + u32::from(!up_to_date), offer.zip(tier))
    }

    fn renewal_of(&self, renewal: &Renewal) -> RenewSubscription {
        let (version, found) = self.present(renewal.listing, renewal.tier, renewal.up_to_date);
        let price = found.as_ref().and_then(|(_, tier)| tier.subscription).map(|term| term.price);
        let terms = found.map(|(offer, tier)| tier.agreement(&offer.terms));
        let ListingId { institution, package } = listing_id(renewal.listing);
        RenewSubscription {
            subscription: DealId(renewal.subscription),
            institution,
            package,
            version,
            tier: text(&tier_name(renewal.tier)),
            terms: terms.unwrap_or(Digest([0; 32])),
            price: euros(price.map_or(1, |price| price.units())),
            funding: Funding::Account(AccountId(renewal.funder)),
        }
    }

    fn request_of(&self, asked: &Asked) -> RequestDeal {
        let (version, found) = self.present(asked.listing, asked.tier, asked.up_to_date);
        let price = found.as_ref().and_then(|(_, tier)| tier.total(asked.seats).ok());
        let terms = found.map(|(offer, tier)| tier.agreement(&offer.terms));
        RequestDeal {
            institution: AccountId(asked.listing.0),
            package: PackageId(asked.listing.1),
            version,
            tier: text(&tier_name(asked.tier)),
            seats: asked.seats,
            terms: terms.unwrap_or(Digest([0; 32])),
            price: price.unwrap_or_else(|| euros(1)),
            purpose: purpose(&asked.buyer),
            allowance: Amount::new(asked.allowance),
            funding: Funding::Account(AccountId(asked.funder)),
            refund: Refund::Account(AccountId(asked.funder)),
            delivery_key: JubPoint::generator(),
            auth_key: one_time_key(),
            ready: asked.ready,
        }
    }

    /// What shows the first segment of a deal's package; of any package if there is no such deal.
    fn evidence(&self, deal: Name) -> Dispute {
        let listing = self.model.deals.get(&deal).map(|deal| deal.listing);
        let of = self.goods.0.iter().find(|good| Some(good.listing()) == listing);
        let good = of.unwrap_or(&self.goods.0[0]);
        Dispute {
            deal: DealId(deal),
            segment: 0,
            leaf: good.leaf,
            path: good.leaves.prove(0, 1).expect("the first leaf"),
            ciphertext: Bytes::new(good.ciphertext.clone()).expect("a short segment"),
            segment_key: Scalar(segment_key(good.key.0, 0)),
            proof: Bytes::default(),
        }
    }

    fn signed(&self, action: Action, signers: &Signers, nullifier: Scalar, time_ms: u64) -> Sent {
        let account = |name: &Name| AccountSignature {
            account: AccountId(*name),
            nonce: self.real.read(&state_key::nonce(&AccountId(*name))).unwrap_or(0),
            signature: Signature([0; 64]),
        };
        let accounts: Vec<_> = signers.accounts.iter().map(account).collect();
        let first = signers.accounts.first().copied();
        let payer = signers.payer.or(first.map(|name| FeePayer::Account(AccountId(name))));
        let credential = signers.shown.map(|buyer| self.credential(&buyer, nullifier, time_ms));
        let presented = credential.as_ref().map(|proven| Presentation {
            roots: proven.roots.clone(),
            day: proven.day,
            purposes: proven.purposes,
            countries: proven.countries.clone(),
            disclosed: proven.disclosed,
            j_limit: proven.j_limit,
            nullifier: proven.nullifier,
            opening: proven.opening,
            proof: Bytes::default(),
        });
        let signed = |key| KeySignature { key, signature: Signature([0; 64]) };
        let transaction = Transaction {
            chain: self.real.ledger.chain_id(),
            actions: Bounded::new(vec![action]).expect("one action"),
            expiry_ms: if signers.no_expiry { NO_EXPIRY } else { time_ms + 60_000 },
            fee: Fee {
                payer: payer.expect("somebody pays"),
                currency: eur(),
                limit: Amount::new(u64::MAX),
            },
            authorization: Authorization {
                accounts: Bounded::new(accounts).expect("few signers"),
                deal_key: signers.key.map(signed),
                credential: presented,
            },
        };
        Sent { transaction, credential, payer: first }
    }

    fn credential(&self, buyer: &Buyer, nullifier: Scalar, time_ms: u64) -> ProvenCredential {
        let issuer = AccountId(buyer.issuer);
        let roots = vec![IssuerRoot { issuer, root: self.roots[&buyer.issuer] }];
        let bit = |(proven, bit): (bool, u32)| if proven { bit } else { 0 };
        let bits =
            [PurposeKind::General.bit(), PurposeKind::Health.bit(), NONPROFIT_BIT].into_iter();
        ProvenCredential {
            roots: Bounded::new(roots).expect("one root"),
            day: u32::try_from(time_ms / DAY_MS).expect("this century"),
            purposes: buyer.proven.into_iter().zip(bits).map(bit).sum(),
            countries: Countries::default(),
            disclosed: Disclosed::default(),
            j_limit: self.real.genesis.parameters.requests_per_credential,
            scope: Scalar::default(),
            nullifier,
            opening: Opening { ephemeral: JubPoint::generator(), ciphertext: Scalar::default() },
        }
    }

    /// Asks the reference for every rule against an act; without any it does the act and takes the fee.
    pub fn ask(&self, model: &mut Reference, step: &Step, sent: &Sent, fee: u64) -> Against {
        let named = |tag: &str| Hasher::new(tag).value(&nullifier(step)).digest().0;
        let nullifier = nullifier(step).to_bytes();
        let goods = &self.goods.0;
        let against = match &step.act {
            Act::Nothing => Vec::new(),
            Act::Mint { to, amount } => model.mint(*to, *amount),
            Act::Burn { amount } => model.burn(self.real.gateway.id().0, *amount),
            Act::Transfer { from, to, amount } => {
                model.transfer(Place::Free(*from), Place::Free(*to), *amount)
            }
            Act::DepositBond { institution, amount } => {
                let (from, to) = (Place::Free(*institution), Place::Bond(*institution));
                model.bond(*institution, from, to, *amount)
            }
            Act::WithdrawBond { institution, amount } => {
                let (from, to) = (Place::Bond(*institution), Place::Free(*institution));
                model.bond(*institution, from, to, *amount)
            }
            Act::Admit { role, party } => model.admit(*role, *party),
            Act::Suspend { role, party } => model.suspend(*role, *party),
            Act::Draft { good, offer, lineage } => {
                let good = &goods[*good];
                let blocks = u32::try_from(good.blocks.len()).expect("few blocks");
                let shape = Shape { blocks, segments: good.draft.segments, rows: good.rows };
                let bytes = good.draft.layout.to_bytes().len() + encode(&good.draft.claims).len();
                let kib = u64::try_from(bytes.div_ceil(1024)).expect("a short layout");
                let deposit = self.real.genesis.parameters.draft_deposit_per_kib.units() * kib;
                model.draft(good.listing(), offer.clone(), lineage.clone(), shape, deposit)
            }
            Act::Prove { good, block } => model.prove(goods[*good].listing(), *block),
            Act::Withdraw { good, with_reason } => {
                model.withdraw(goods[*good].listing(), *with_reason)
            }
            Act::TakeDown { good, signed, with_reason } => {
                model.take_down(goods[*good].listing(), *signed, *with_reason)
            }
            Act::Revise { good, offer } => model.revise(goods[*good].listing(), offer.clone()),
            Act::Resume { institution } => model.resume(*institution),
            Act::Request(asked) => model.request(named("galen/deal"), nullifier, asked),
            Act::Review { institution, deal, accept } => model.review(*institution, *deal, *accept),
            Act::Ready { deal, own_key, shown } => {
                model.ready(*deal, *own_key, shown.as_ref(), nullifier, fee)
            }
            Act::Deliver { deal } => model.deliver(*deal, fee),
            Act::Dispute { deal, own_key } => {
                let listing = model.deals.get(deal).map(|deal| deal.listing);
                let good = goods.iter().find(|good| Some(good.listing()) == listing);
                model.dispute(*deal, *own_key, good.is_none_or(|good| good.sound), fee)
            }
            Act::Post(wanted) => model.post(named("galen/standing"), nullifier, wanted),
            Act::Cancel { standing, own_key } => model.cancel(*standing, *own_key, fee),
            Act::Claim(claim) => model.claim(self.claim_name(claim), claim),
            Act::Renew(renewal) => model.renew(nullifier, renewal),
        };
        match sent.payer {
            Some(payer) if against.is_empty() => {
                let unpaid = model.can_pay(Place::Free(payer), fee);
                if unpaid.is_empty() {
                    model.pay(Place::Free(payer), Place::Fees, fee);
                }
                unpaid
            }
            _ => against,
        }
    }
}

/// The nullifier of the credential that may be shown in a step.
fn nullifier(step: &Step) -> Scalar {
    Scalar::from(step.nullifier + 1)
}

fn claim_of(claim: &Claim) -> ClaimVersion {
    ClaimVersion {
        subscription: DealId(claim.subscription),
        package: PackageId(claim.package),
        allowance: Amount::new(claim.allowance),
        funding: Funding::Account(AccountId(claim.funder)),
        delivery_key: JubPoint::generator(),
        auth_key: one_time_key(),
        ready: claim.ready,
    }
}

fn post_of(wanted: &Wanted, time_ms: u64) -> PostStanding {
    let table = TableWanted { rows: wanted.rows, ..TableWanted::default() };
    let institutions = wanted.institutions.iter().map(|name| AccountId(*name)).collect();
    PostStanding {
        period: period(time_ms),
        wanted: RealWanted { table: (wanted.rows > 0).then_some(table), ..RealWanted::default() },
        institutions: Bounded::new(institutions).expect("few institutions"),
        purpose: purpose(&wanted.buyer),
        seats: wanted.seats,
        max_price: euros(wanted.max_price),
        allowance: Amount::new(wanted.allowance),
        for_ms: wanted.lasts,
        funding: Funding::Account(AccountId(wanted.funder)),
        refund: Refund::Account(AccountId(wanted.funder)),
        delivery_key: JubPoint::generator(),
        auth_key: one_time_key(),
    }
}
