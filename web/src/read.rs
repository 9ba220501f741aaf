//! From the state to the interface's types. Synchronous; every list is read in bounded pages.

use galen_api::{
    AccountView, Balance, BlockProof, BlockView, ClaimedVersion, DealView, DiversitySummary,
    IssuerView, Leaves, LicenceView, ListingFilter, ListingSummary, ListingView, MAX_LEAVES,
    MAX_PAGE, Page, PartyView, StandingView, Status, SubscriptionView, TableSummary, VerifyingKeys,
};
use galen_chain::store::Snapshot;
use galen_market::action::Action;
use galen_market::amount::{Asset, Money};
use galen_market::codec::decode_exact;
use galen_market::deal::{self, Deal, Stage};
use galen_market::genesis::Clock;
use galen_market::id::{AccountId, ConsensusKey, DealId, Digest, PackageId, StandingId};
use galen_market::identity::tree::IssuerTree;
use galen_market::ledger::parameters;
use galen_market::listing::{Listing, ListingId, MAX_LINE_LISTINGS, Offer, Standing, TableClaims};
use galen_market::payment::{DealPurse, Purse};
use galen_market::role::Role;
use galen_market::state::{StateError, StateRead};
use galen_market::state_key::{self, Prefix};
use galen_market::transaction::Transaction;
use galen_market::wanted::{self, StandingRequest};

use crate::App;
use crate::reply::ApiError;
use crate::request::parsed;

/// Most listings that one question looks at; the answer says where to go on.
const MAX_LOOKED_AT: usize = 2_000;

type Answer<T> = Result<T, ApiError>;

pub(crate) fn clock(state: &dyn StateRead) -> Result<Clock, StateError> {
    state_key::read(state, &state_key::clock())?
        .ok_or_else(|| StateError("the state holds no genesis".to_owned()))
}

pub(crate) fn status(app: &App) -> Answer<Status> {
    let node = app.node.status();
    let snapshot = app.node.snapshot();
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: app.genesis().name.to_string(),
        chain_id: app.rules().chain_id(),
        network: app.rules().network(),
        forgeable_parameters: app.forgeable,
        height: snapshot.height(),
        time_ms: snapshot.time_ms(),
        uptime_ms: clock(&*snapshot)?.uptime_ms,
        clock_ms: now_ms(),
        state_root: Digest(snapshot.state_root()),
        consensus_key: ConsensusKey(node.consensus_key),
        validator: node.validator,
        fresh: node.is_fresh(),
        network_height: node.network_height,
        peers: node.peers as u64,
        pending: node.pending as u64,
        stopped: node.stopped,
    })
}

pub(crate) fn verifying_keys(app: &App) -> VerifyingKeys {
    let verifier = app.rules().verifier();
    VerifyingKeys { hash: Digest(verifier.parameters_hash()), keys: verifier.public_keys() }
}

pub(crate) fn now_ms() -> u64 {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn block(app: &App, height: u64) -> Answer<BlockView> {
    let stored = app.node.block(height)?.ok_or_else(|| ApiError::not_found("such block"))?;
    let header = &stored.block.header;
    let mut transactions = Vec::with_capacity(stored.block.transactions.len());
    for bytes in &stored.block.transactions {
        transactions.push(Transaction::decode(bytes)?.id());
    }
    Ok(BlockView {
        height: header.height,
        id: Digest(stored.block.id().0),
        parent: Digest(header.parent.0),
        time_ms: header.time_ms,
        state_root: Digest(header.state_root),
        proposer: ConsensusKey(header.proposer),
        transactions,
        events: app.node.events(height)?.unwrap_or_default(),
    })
}

fn balances(state: &dyn StateRead, purse: &Purse) -> Answer<Vec<Balance>> {
    let mut balances = Vec::new();
    for (rest, amount) in state_key::scan(state, &state_key::balances_of(purse), None, MAX_PAGE)? {
        let asset: Asset = decode_exact(&rest).map_err(|error| StateError(error.to_string()))?;
        balances.push(Balance { asset, amount });
    }
    Ok(balances)
}

pub(crate) fn account(state: &Snapshot, account: AccountId) -> Answer<AccountView> {
    let mut parties = Vec::new();
    for role in [Role::Institution, Role::Issuer, Role::Gateway] {
        if let Some(party) = state_key::read(state, &state_key::party(role, &account))? {
            parties.push(PartyView { account, role, party });
        }
    }
    Ok(AccountView {
        account,
        nonce: state_key::read(state, &state_key::nonce(&account))?.unwrap_or(0),
        balances: balances(state, &Purse::Account(account))?,
        bond: balances(state, &Purse::Bond(account))?,
        parties,
    })
}

/// Where a page begins and how long it may be.
#[derive(serde::Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Paging {
    after: Option<String>,
    limit: Option<usize>,
}

impl Paging {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, MAX_PAGE)
    }

    fn after<T: std::str::FromStr>(&self) -> Answer<Option<T>>
    where
        T::Err: std::fmt::Display,
    {
        self.after.as_deref().map(|after| parsed(after, "after")).transpose()
    }
}

fn page<T, C: ToString>(items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> C) -> Page<T> {
    let next =
        if items.len() < limit { None } else { items.last().map(|item| cursor(item).to_string()) };
    Page { items, next }
}

fn rest_account(rest: &[u8]) -> Result<AccountId, StateError> {
    rest.try_into()
        .map(AccountId)
        .map_err(|_| StateError("a key does not end with an account".to_owned()))
}

pub(crate) fn parties(state: &Snapshot, role: Role, paging: &Paging) -> Answer<Page<PartyView>> {
    let after: Option<AccountId> = paging.after()?;
    let after = after.as_ref().map(|account| account.0.as_slice());
    let found = state_key::scan(state, &state_key::parties(role), after, paging.limit())?;
    let items = found
        .into_iter()
        .map(|(rest, party)| Ok(PartyView { account: rest_account(&rest)?, role, party }));
    Ok(page(items.collect::<Result<_, StateError>>()?, paging.limit(), |item: &PartyView| {
        item.account
    }))
}

pub(crate) fn issuers(state: &Snapshot, paging: &Paging) -> Answer<Page<IssuerView>> {
    let parties = parties(state, Role::Issuer, paging)?;
    let mut items = Vec::new();
    for PartyView { account, party, .. } in parties.items {
        items.push(IssuerView { account, party, tree: tree(state, &account)? });
    }
    Ok(Page { items, next: parties.next })
}

fn tree(state: &dyn StateRead, issuer: &AccountId) -> Result<IssuerTree, StateError> {
    Ok(state_key::read(state, &state_key::issuer_tree(issuer))?.unwrap_or_default())
}

/// Which part of a leaf list.
#[derive(serde::Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LeafPaging {
    first: u64,
    limit: Option<usize>,
}

pub(crate) fn leaves(state: &Snapshot, issuer: AccountId, paging: &LeafPaging) -> Answer<Leaves> {
    if state_key::read(state, &state_key::party(Role::Issuer, &issuer))?.is_none() {
        return Err(ApiError::not_found("such issuer"));
    }
    let tree = tree(state, &issuer)?;
    let limit = paging.limit.unwrap_or(MAX_LEAVES).clamp(1, MAX_LEAVES);
    let after = paging.first.checked_sub(1).map(u64::to_be_bytes);
    let after = after.as_ref().map(<[u8; 8]>::as_slice);
    let found = state_key::scan(state, &state_key::leaves(&issuer), after, limit)?;
    Ok(Leaves {
        issuer,
        height: state.height(),
        root: tree.root,
        first: paging.first,
        total: tree.next,
        leaves: found.into_iter().map(|(_, leaf)| leaf).collect(),
    })
}

pub(crate) fn summary(app: &App, state: &Snapshot, listing: Listing) -> Answer<ListingSummary> {
    let claims = claims(state, &listing.id)?;
    summary_of(app, state, listing, &claims)
}

fn claims(state: &dyn StateRead, id: &ListingId) -> Answer<Vec<TableClaims>> {
    Ok(state_key::read(state, &state_key::listing_claims(id))?
        .ok_or_else(|| StateError("a listing has no claims".to_owned()))?)
}

fn summary_of(
    app: &App,
    state: &Snapshot,
    listing: Listing,
    claims: &[TableClaims],
) -> Answer<ListingSummary> {
    let offer = offer(state, &listing)?;
    let known = app.catalogue.entry(app, state, &listing)?;
    let party =
        state_key::read(state, &state_key::party(Role::Institution, &listing.id.institution))?;
    let stopped = state_key::read(state, &state_key::stop(&listing.id.institution))?.is_some();
    let live = listing.standing == Standing::Live;
    // Of a refunded package the proofs hold, but what is delivered is not what they speak of.
    let refunded = matches!(listing.standing, Standing::Refunded { .. });
    let proven = listing.live_since_ms.is_some() && !refunded;
    let tables = known.tables.iter().zip(claims).map(|(table, claims)| TableSummary {
        k: claims.k,
        diversity: claims
            .diversity
            .iter()
            .filter_map(|claim| {
                let column = table.columns.get(claim.column as usize)?.clone();
                Some(DiversitySummary { column, l: claim.l })
            })
            .collect(),
        proven,
        ..table.clone()
    });
    Ok(ListingSummary {
        tables: tables.collect(),
        files: known.files,
        agreements: offer.tiers.iter().map(|tier| tier.agreement(&offer.terms)).collect(),
        offer,
        institution_name: party.map(|party| party.name.to_string()).unwrap_or_default(),
        open: live && !stopped,
        declared: known.declared.clone(),
        forgeable_parameters: app.forgeable,
        listing,
    })
}

fn wanted(filter: &ListingFilter, found: &ListingSummary) -> bool {
    let declared = found.declared.clone().unwrap_or_default();
    let contains = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
    let text = filter.text.as_deref().is_none_or(|part| {
        let mut words = [&declared.title, &declared.description, &found.institution_name]
            .into_iter()
            .chain(&declared.keywords)
            .chain(&declared.diseases)
            .chain(
                found
                    .tables
                    .iter()
                    .flat_map(|table| std::iter::once(&table.name).chain(&table.columns)),
            );
        words.any(|text| contains(text, part))
    });
    let column = filter.column.as_deref().is_none_or(|name| {
        found.tables.iter().any(|table| table.columns.iter().any(|column| column == name))
    });
    let disease = filter
        .disease
        .as_deref()
        .is_none_or(|id| declared.diseases.iter().any(|disease| disease == id));
    let k = filter
        .k_min
        .is_none_or(|k| !found.tables.is_empty() && found.tables.iter().all(|table| table.k >= k));
    let rows = filter.rows_min.is_none_or(|rows| {
        found.tables.iter().fold(0u64, |sum, table| sum.saturating_add(table.rows)) >= rows
    });
    let least = found.offer.least_price().map(|price| price.amount.units());
    let price = filter.price_max.is_none_or(|most| least.is_some_and(|least| least <= most));
    text && column && disease && k && rows && price
}

pub(crate) fn listings(
    app: &App,
    state: &Snapshot,
    filter: &ListingFilter,
) -> Answer<Page<ListingSummary>> {
    let limit = filter.limit.unwrap_or(100).clamp(1, MAX_PAGE);
    let mut after: Vec<u8> = match &filter.after {
        None => Vec::new(),
        Some(text) => match hex::decode(text) {
            Ok(bytes) if bytes.len() == 64 => bytes,
            _ => return Err(ApiError::bad("after: this is not where a page ended")),
        },
    };
    // Under one institution the rest of a key is the package alone.
    let prefix: Prefix<Listing> =
        filter.institution.as_ref().map_or_else(state_key::listings, state_key::listings_of);
    let skip = if filter.institution.is_some() { 32 } else { 0 };
    let mut items = Vec::new();
    for _ in 0..MAX_LOOKED_AT.div_ceil(MAX_PAGE) {
        let from = (!after.is_empty()).then(|| &after[skip..]);
        let found = state_key::scan(state, &prefix, from, MAX_PAGE)?;
        let ended = found.len() < MAX_PAGE;
        for (_, listing) in found {
            after = [listing.id.institution.0, listing.id.package.0].concat();
            if filter.all || listing.standing == Standing::Live {
                let summary = summary(app, state, listing)?;
                if wanted(filter, &summary) {
                    items.push(summary);
                }
            }
            if items.len() == limit {
                return Ok(Page { items, next: Some(hex::encode(after)) });
            }
        }
        if ended {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: Some(hex::encode(after)) })
}

pub(crate) fn listing_id(institution: &str, package: &str) -> Answer<ListingId> {
    let institution: AccountId = parsed(institution, "institution")?;
    let package: PackageId = parsed(package, "package")?;
    Ok(ListingId { institution, package })
}

/// What a listing offers at present.
pub(crate) fn offer(state: &dyn StateRead, listing: &Listing) -> Answer<Offer> {
    Ok(state_key::read(state, &state_key::offer(&listing.id, listing.version))?
        .ok_or_else(|| StateError("a listing has no offer".to_owned()))?)
}

pub(crate) fn find_listing(state: &dyn StateRead, id: &ListingId) -> Answer<Listing> {
    let unknown = || galen_market::error::TxError::UnknownListing { listing: *id };
    Ok(state_key::read(state, &state_key::listing(id))?.ok_or_else(unknown)?)
}

pub(crate) fn listing(app: &App, state: &Snapshot, id: &ListingId) -> Answer<ListingView> {
    let listing = find_listing(state, id)?;
    let layout = state_key::read(state, &state_key::listing_layout(id))?
        .ok_or_else(|| StateError("a listing has no layout".to_owned()))?;
    let claims = claims(state, id)?;
    let mut proven_blocks = Vec::new();
    if matches!(listing.standing, Standing::Draft { .. }) {
        for (table, block) in layout.blocks() {
            if state_key::read(state, &state_key::proven_block(id, table, block))?.is_some() {
                proven_blocks.push((table, block));
            }
        }
    }
    let manifest = app.packages.manifest(&listing)?;
    Ok(ListingView {
        layout,
        proven_blocks,
        served: app.packages.served(&id.package)?,
        manifest: manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        summary: summary_of(app, state, listing, &claims)?,
        claims,
    })
}

/// The proofs of a row block, out of the block of the ledger that holds them.
pub(crate) fn block_proof(
    app: &App,
    state: &Snapshot,
    id: &ListingId,
    (table, block): (u32, u32),
) -> Answer<BlockProof> {
    find_listing(state, id)?;
    let proven = state_key::read(state, &state_key::proven_block(id, table, block))?;
    let height = proven.ok_or_else(|| ApiError::not_found("proven row block of this number"))?;
    let stored =
        app.node.block(height)?.ok_or_else(|| ApiError::not_found("such block at this node"))?;
    for bytes in &stored.block.transactions {
        let transaction = Transaction::decode(bytes)?;
        let found = transaction.actions.iter().find_map(|action| match action {
            Action::ProveBlock(proof)
                if proof.institution == id.institution
                    && proof.package == id.package
                    && (proof.table, proof.block) == (table, block) =>
            {
                Some(proof.clone())
            }
            _ => None,
        });
        if let Some(proof) = found {
            return Ok(BlockProof { height, transaction: transaction.id(), proof });
        }
    }
    Err(StateError(format!("block {height} does not hold the proofs that it is said to")).into())
}

pub(crate) fn deals_of_listing(
    state: &Snapshot,
    id: &ListingId,
    paging: &Paging,
) -> Answer<Page<Deal>> {
    find_listing(state, id)?;
    let after: Option<DealId> = paging.after()?;
    let items = deal::deals_of_listing(state, id, after.as_ref(), paging.limit())?;
    Ok(page(items, paging.limit(), |deal| deal.id))
}

pub(crate) fn deals(state: &Snapshot, paging: &Paging) -> Answer<Page<Deal>> {
    let after: Option<DealId> = paging.after()?;
    let items = deal::all_deals(state, after.as_ref(), paging.limit())?;
    Ok(page(items, paging.limit(), |deal| deal.id))
}

pub(crate) fn deals_of_institution(
    state: &Snapshot,
    institution: &AccountId,
    stage: Stage,
    paging: &Paging,
) -> Answer<Page<Deal>> {
    let after: Option<DealId> = paging.after()?;
    let items =
        deal::deals_of_institution(state, institution, stage, after.as_ref(), paging.limit())?;
    Ok(page(items, paging.limit(), |deal| deal.id))
}

fn find_deal(state: &dyn StateRead, id: DealId) -> Answer<Deal> {
    let unknown = || galen_market::error::TxError::UnknownDeal { deal: id };
    Ok(state_key::read(state, &state_key::deal(&id))?.ok_or_else(unknown)?)
}

/// Up-time now: it goes on between blocks, up to a bound.
fn uptime_now(state: &dyn StateRead) -> Answer<u64> {
    let last = clock(state)?;
    let idle = now_ms().saturating_sub(last.time_ms).min(parameters(state)?.max_idle_ms);
    Ok(last.uptime_ms.saturating_add(idle))
}

pub(crate) fn deal(state: &Snapshot, id: DealId) -> Answer<DealView> {
    let deal = find_deal(state, id)?;
    let uptime_ms = uptime_now(state)?;
    let purse = Purse::Deal(id, DealPurse::Allowance);
    let allowance = state_key::read(state, &state_key::balance(&purse, &deal.price.asset()))?
        .unwrap_or_default();
    Ok(DealView {
        uptime_ms,
        remaining_ms: deal.deadline_ms.map(|deadline| deadline.saturating_sub(uptime_ms)),
        allowance,
        licence: state_key::read(state, &state_key::licence(&id))?,
        deal,
    })
}

pub(crate) fn subscription(state: &Snapshot, id: DealId) -> Answer<SubscriptionView> {
    let unknown = || galen_market::error::TxError::UnknownSubscription { subscription: id };
    let subscription =
        state_key::read(state, &state_key::subscription(&id))?.ok_or_else(unknown)?;
    let deal = find_deal(state, id)?;
    let purse = Purse::Subscription(id);
    let left = state_key::read(state, &state_key::balance(&purse, &deal.price.asset()))?;
    let uptime_ms = uptime_now(state)?;
    let mut claims = Vec::new();
    for (rest, claim) in state_key::scan(state, &state_key::claims(&id), None, MAX_PAGE)? {
        let package = PackageId(state_key::part(&rest, 0)?);
        claims.push(ClaimedVersion { package, claim, stage: find_deal(state, claim.deal)?.stage });
    }
    Ok(SubscriptionView {
        left: Money { currency: deal.price.currency, amount: left.unwrap_or_default() },
        month_left_ms: subscription.month_ends_ms.map(|ends| ends.saturating_sub(uptime_ms)),
        newest: newest(state, subscription.listing)?,
        claims,
        subscription,
    })
}

/// The newest version of a line, as far as versions supersede each other in order.
fn newest(state: &dyn StateRead, id: ListingId) -> Answer<ListingId> {
    let mut newest = id;
    for _ in 0..MAX_LINE_LISTINGS {
        let Some(package) = find_listing(state, &newest)?.superseded_by else { break };
        newest = ListingId { package, ..newest };
    }
    Ok(newest)
}

/// A standing request, an ended one too.
pub(crate) fn standing(state: &Snapshot, id: StandingId) -> Answer<StandingView> {
    let unknown = || galen_market::error::TxError::UnknownStanding { standing: id };
    standing_view(state, wanted::standing(state, &id)?.ok_or_else(unknown)?)
}

fn standing_view(state: &Snapshot, standing: StandingRequest) -> Answer<StandingView> {
    let uptime_ms = uptime_now(state)?;
    let left = standing.until_ms.saturating_sub(uptime_ms);
    let purse = state_key::balance(&Purse::Standing(standing.id), &standing.max_price.asset());
    Ok(StandingView {
        uptime_ms,
        remaining_ms: (!standing.is_ended()).then_some(left),
        held: state_key::read(state, &purse)?.unwrap_or_default(),
        standing,
    })
}

/// The standing requests that wait, the oldest first.
pub(crate) fn standings(state: &Snapshot, paging: &Paging) -> Answer<Page<StandingView>> {
    let after = match paging.after::<StandingId>()? {
        Some(id) => wanted::standing(state, &id)?.map(|last| (last.since_ms, id)),
        None => None,
    };
    let found = wanted::open_standings(state, after, paging.limit())?;
    let views = found.into_iter().map(|standing| standing_view(state, standing));
    let views = views.collect::<Answer<Vec<_>>>()?;
    Ok(page(views, paging.limit(), |view| view.standing.id))
}

pub(crate) fn licence(app: &App, state: &Snapshot, deal: DealId) -> Answer<LicenceView> {
    let licence = state_key::read(state, &state_key::licence(&deal))?;
    let licence = licence.ok_or_else(|| ApiError::not_found("licence of this deal"))?;
    let time_ms = state.time_ms();
    Ok(LicenceView {
        active: licence.is_active(time_ms),
        licence,
        time_ms,
        forgeable_parameters: app.forgeable,
    })
}
