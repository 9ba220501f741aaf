//! Listings of the reference: drafts, versions, lines, royalties, and how a listing closes.

use std::collections::BTreeSet;

use super::reference::*;

const WHOLE: u64 = 10_000;
/// Most lines of a listing, and most listings that it owes royalties to.
const MOST_LINES: usize = 4;
const MOST_OWED: usize = 8;
/// Steps upstream that a share is split again, and most shares of one price.
const MOST_STEPS: usize = 4;
const MOST_SHARES: usize = 128;

/// What a draft is of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub blocks: u32,
    pub segments: u64,
    pub rows: u64,
}

impl Offer {
    /// What an offer alone shows to be wrong.
    fn flaws(&self) -> Against {
        let mut payees: Vec<Payee> = self.shares.iter().map(|(payee, _)| *payee).collect();
        payees.sort_unstable();
        payees.dedup();
        let sum: u64 = self.shares.iter().map(|(_, points)| *points).sum();
        let positive = self.shares.iter().all(|(_, points)| *points > 0);
        let shares = sum == WHOLE && positive && payees.len() == self.shares.len();
        let mut against = unless(shares, "bad_shares");
        against.extend(unless(self.most_licences != Some(0), "bad_terms"));
        against
    }

    /// Whether it gives what is owed, and nothing to other listings.
    fn pays(&self, owed: &[(ListingName, u64)]) -> Against {
        let given = |listing: ListingName| {
            let to_it = self.shares.iter().filter(|(payee, _)| *payee == Payee::Listing(listing));
            to_it.map(|(_, points)| *points).sum::<u64>()
        };
        let enough = owed.iter().all(|(listing, points)| given(*listing) >= *points);
        let upstream = |payee: &Payee| match payee {
            Payee::Account(_) => true,
            Payee::Listing(listing) => owed.iter().any(|(known, _)| known == listing),
        };
        let mut against = unless(enough, "royalty_owed");
        let all = self.shares.iter().all(|(payee, _)| upstream(payee));
        against.extend(unless(all, "not_upstream"));
        against
    }
}

impl Lineage {
    fn links(&self, institution: Name) -> Vec<ListingName> {
        let before = self.supersedes.map(|package| (institution, package));
        before.into_iter().chain(self.parents.iter().copied()).collect()
    }
}

impl Reference {
    fn state(&self, name: ListingName) -> Option<&State> {
        self.listings.get(&name).map(|listing| &listing.state)
    }

    // ---- Drafts ----

    pub fn draft(
        &mut self,
        name: ListingName,
        offer: Offer,
        lineage: Lineage,
        shape: Shape,
        deposit: u64,
    ) -> Against {
        let mut against = self.acts(name.0);
        against.extend(offer.flaws());
        against.extend(match self.state(name) {
            None => None,
            Some(State::Refunded) => Some("package_refunded"),
            Some(State::TakenDown) => Some("listing_taken_down"),
            Some(_) => Some("already_listed"),
        });
        let mut parents = lineage.parents.clone();
        parents.sort_unstable();
        parents.dedup();
        against.extend(unless(parents.len() == lineage.parents.len(), "bad_lineage"));
        let links = lineage.links(name.0);
        let cycle = links.iter().any(|link| *link == name || self.descends(*link, name));
        against.extend(unless(!cycle, "lineage_cycle"));
        let known = links.iter().all(|link| self.lines.contains_key(link));
        against.extend(unless(known, "unknown_listing"));
        let lines = self.lines_of(name, &links);
        against.extend(unless(lines.len() <= MOST_LINES, "too_many_lines"));
        let owed = self.owed(name.0, &lineage);
        against.extend(unless(owed.len() <= MOST_OWED, "too_many_royalties"));
        against.extend(offer.pays(&owed));
        against.extend(self.can_pay(Place::Free(name.0), deposit));
        if !against.is_empty() {
            return against;
        }
        self.lines.insert(name, lines);
        let Shape { blocks, segments, rows } = shape;
        let expires = self.now + self.rules.draft;
        let listing = Listing {
            offers: vec![offer],
            state: State::Draft { proven: BTreeSet::new(), expires },
            blocks,
            segments,
            rows,
            deposit,
            since: None,
            lineage,
            owed,
            superseded_by: None,
        };
        self.listings.insert(name, listing);
        self.pay(Place::Free(name.0), Place::Deposit(name), deposit);
        self.settle_draft(name);
        against
    }

    /// Whether a listing comes from another, by any way.
    pub fn descends(&self, later: ListingName, earlier: ListingName) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![later]);
        while let Some(name) = next.pop() {
            let Some(listing) = self.listings.get(&name).filter(|_| seen.insert(name)) else {
                continue;
            };
            let links = listing.lineage.links(name.0);
            if links.contains(&earlier) {
                return true;
            }
            next.extend(links);
        }
        false
    }

    /// Whether a listing is a later version of another one of its institution.
    pub fn is_version_of(&self, later: ListingName, earlier: ListingName) -> bool {
        let mut at = later;
        while let Some(listing) = self.listings.get(&at) {
            match listing.lineage.supersedes {
                None => return false,
                Some(package) => at = (at.0, package),
            }
            if at == earlier {
                return true;
            }
        }
        false
    }

    /// The newest version of a line.
    pub fn newest(&self, mut name: ListingName) -> ListingName {
        while let Some(package) = self.listings[&name].superseded_by {
            name.1 = package;
        }
        name
    }

    fn lines_of(&self, name: ListingName, links: &[ListingName]) -> BTreeSet<ListingName> {
        let sources = links.iter().chain([&name]).filter_map(|link| self.lines.get(link));
        let mut lines: BTreeSet<ListingName> = sources.flatten().copied().collect();
        if lines.iter().all(|line| line.0 != name.0) {
            lines.insert(name);
        }
        lines
    }

    /// What a draft with a lineage would owe: to parents that were ever live what they ask for now, and
    /// what the version before owes.
    pub fn owed(&self, institution: Name, lineage: &Lineage) -> Vec<(ListingName, u64)> {
        let parents = lineage.parents.iter().filter_map(|name| {
            let listing = self.listings.get(name).filter(|listing| listing.since.is_some())?;
            Some((*name, listing.offers.last().expect("a listing has an offer").royalty))
        });
        let before = lineage.supersedes.and_then(|it| self.listings.get(&(institution, it)));
        let before = before.into_iter().flat_map(|listing| listing.owed.iter().copied());
        let mut owed: Vec<(ListingName, u64)> = Vec::new();
        for (name, points) in parents.chain(before) {
            match owed.iter_mut().find(|(known, _)| *known == name) {
                Some((_, most)) => *most = points.max(*most),
                None => owed.push((name, points)),
            }
        }
        owed
    }

    /// How many steps upstream something is owed.
    pub fn upstream(&self, name: ListingName) -> usize {
        let owed = self.listings[&name].owed.iter().filter(|(_, points)| *points > 0);
        owed.map(|(up, _)| 1 + self.upstream(*up)).max().unwrap_or(0)
    }

    /// A draft of which every block is proven is live, and supersedes.
    fn settle_draft(&mut self, name: ListingName) {
        let time = self.time;
        let listing = self.listings.get_mut(&name).expect("the draft is there");
        let State::Draft { proven, .. } = &listing.state else { return };
        if proven.len() < listing.blocks as usize {
            return;
        }
        listing.state = State::Live;
        listing.since = Some(time);
        let (deposit, before) = (listing.deposit, listing.lineage.supersedes);
        self.pay(Place::Deposit(name), Place::Free(name.0), deposit);
        if let Some(before) = before.and_then(|before| self.listings.get_mut(&(name.0, before))) {
            before.superseded_by = Some(name.1);
            self.happens("a version is superseded");
        }
        self.listing_offers(name);
    }

    pub fn prove(&mut self, name: ListingName, block: u32) -> Against {
        let mut against = self.acts(name.0);
        let Some(listing) = self.listings.get(&name) else {
            against.push("unknown_listing");
            return against;
        };
        match &listing.state {
            State::Draft { proven, expires } => {
                against.extend(unless(*expires > self.now, "deadline_passed"));
                against.extend(unless(!proven.contains(&block), "block_proven"));
            }
            _ => against.push("not_draft"),
        }
        let openings = self.openings.get(&(name, block)).copied().unwrap_or(0);
        against.extend(unless(openings < 7, "too_many_openings"));
        against.extend(unless(block < listing.blocks, "unknown_block"));
        if against.is_empty() {
            self.openings.insert((name, block), openings + 1);
            let listing = self.listings.get_mut(&name).expect("it was just found");
            if let State::Draft { proven, .. } = &mut listing.state {
                proven.insert(block);
            }
            self.settle_draft(name);
        }
        against
    }

    pub fn forget_draft(&mut self, name: ListingName) {
        let listing = self.listings.remove(&name).expect("the draft is there");
        self.pay(Place::Deposit(name), Place::Free(name.0), listing.deposit);
    }

    // ---- Closing ----

    pub fn withdraw(&mut self, name: ListingName, with_reason: bool) -> Against {
        let mut against = self.acts(name.0);
        against.extend(unless(with_reason, "reason_required"));
        against.extend(match self.state(name) {
            None => Some("unknown_listing"),
            Some(State::Withdrawn) => Some("listing_not_live"),
            Some(State::TakenDown) => Some("listing_taken_down"),
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => None,
        });
        if against.is_empty() {
            match self.listings.get_mut(&name) {
                Some(listing) if listing.state == State::Live => listing.state = State::Withdrawn,
                _ => self.forget_draft(name),
            }
        }
        against
    }

    /// Registrars take a listing down; two of them must sign. What nobody waits for ends in the next
    /// block.
    pub fn take_down(&mut self, name: ListingName, signed: usize, with_reason: bool) -> Against {
        let mut against = unless(signed >= 2, "registrars_needed");
        against.extend(unless(with_reason, "reason_required"));
        against.extend(match self.state(name) {
            None => Some("unknown_listing"),
            Some(State::TakenDown) => Some("listing_taken_down"),
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => None,
        });
        if against.is_empty() {
            let listing = self.listings.get_mut(&name).expect("it was just found");
            let deposit = match listing.state {
                State::Draft { .. } => listing.deposit,
                _ => 0,
            };
            listing.state = State::TakenDown;
            self.pay(Place::Deposit(name), Place::Free(name.0), deposit);
        }
        against
    }

    pub fn revise(&mut self, name: ListingName, offer: Offer) -> Against {
        let mut against = self.acts(name.0);
        against.extend(offer.flaws());
        against.extend(match self.state(name) {
            None => Some("unknown_listing"),
            Some(State::Draft { .. }) => Some("listing_not_live"),
            Some(State::TakenDown) => Some("listing_taken_down"),
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => None,
        });
        if let Some(listing) = self.listings.get(&name) {
            against.extend(offer.pays(&listing.owed));
        }
        if against.is_empty() {
            let listing = self.listings.get_mut(&name).expect("it was just found");
            listing.offers.push(offer);
            listing.state = State::Live;
            self.listing_offers(name);
        }
        against
    }

    pub fn resume(&mut self, institution: Name) -> Against {
        let mut against = self.acts(institution);
        against.extend(unless(self.stopped.contains(&institution), "not_stopped"));
        if against.is_empty() {
            self.stopped.remove(&institution);
            self.institution_returns(institution);
        }
        against
    }

    /// Whether a listing takes requests now.
    pub fn takes_requests(&self, name: ListingName) -> Against {
        let mut against = self.acts(name.0);
        against.extend(match self.state(name) {
            None => Some("unknown_listing"),
            Some(State::Live) => None,
            Some(State::TakenDown) => Some("listing_taken_down"),
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => Some("listing_not_live"),
        });
        against.extend(unless(!self.stopped.contains(&name.0), "listings_stopped"));
        against
    }

    // ---- Shares ----

    /// Pays an amount by the shares of an offer: listings upstream split their part by what they offer
    /// now, one step after the other.
    pub fn share_out(&mut self, from: Place, by: ListingName, offer: &Offer, amount: u64) {
        let mut room = MOST_SHARES;
        let mut level = vec![(by, offer.clone(), amount)];
        for step in 0..=MOST_STEPS {
            let mut above = Vec::new();
            for (by, offer, amount) in level {
                let last = step > 0 && offer.shares.len() > room;
                if last {
                    self.pay(from, Place::Free(by.0), amount);
                    continue;
                }
                room -= offer.shares.len();
                for (payee, part) in parts(&offer, amount) {
                    match payee {
                        Payee::Account(account) => self.pay(from, Place::Free(account), part),
                        Payee::Listing(_) if part == 0 => {}
                        Payee::Listing(up) if step == MOST_STEPS => {
                            self.pay(from, Place::Free(up.0), part);
                            self.happens("a share goes no further up");
                        }
                        Payee::Listing(up) => {
                            let now = self.listings[&up].offers.last();
                            above.push((up, now.expect("it has an offer").clone(), part));
                            self.happens(if step == 0 { "royalty" } else { "royalty upstream" });
                        }
                    }
                }
            }
            level = above;
        }
    }
}

/// Every share is rounded down; what that leaves over goes to the first.
fn parts(offer: &Offer, amount: u64) -> Vec<(Payee, u64)> {
    let part = |points: u64| amount * points / WHOLE;
    let mut parts: Vec<_> =
        offer.shares.iter().map(|(payee, points)| (*payee, part(*points))).collect();
    let paid: u64 = parts.iter().map(|(_, part)| part).sum();
    parts[0].1 += amount - paid;
    parts
}
