//! The list of datasets: cards, facets with counts, and the same as a feed.

use askama::Template;
use galen_api::story::instant;
use galen_chain::store::Snapshot;
use galen_market::id::AccountId;
use galen_market::role::Role;
use galen_market::state_key;
use galen_market::terms::Code;

use super::frame::{Frame, Reader};
use super::link;
use crate::App;
use crate::find::query::{Bound, Facet, Query, Sort};
use crate::find::{Card, Found, PAGE, mondo};
use crate::lang::{Lang, fill, grouped, sentences};
use crate::reply::ApiError;

/// Entries of a feed are those of its first page.
const FEED: &str = "/feed.atom";
/// Diseases on a card.
const MAX_DISEASES: usize = 3;

#[derive(Template)]
#[template(path = "list.html")]
pub(super) struct List {
    f: Frame,
    plain: bool,
    listed: u64,
    institutions: u64,
    rows: u64,
    form: Form,
    groups: Vec<Group>,
    sorts: Vec<Choice>,
    chips: Vec<Choice>,
    cards: Vec<CardView>,
    total_text: String,
    page_text: String,
    pages: usize,
    before: Option<String>,
    after: Option<String>,
    feed: String,
}

/// What the filter form shows and sends along.
struct Form {
    text: String,
    rows_min: String,
    k_min: String,
    l_min: String,
    price_max: String,
    kept: Vec<(&'static str, String)>,
}

struct Group {
    name: &'static str,
    title: &'static str,
    proven: bool,
    values: Vec<Value>,
    more: usize,
}

struct Value {
    label: String,
    link: String,
    count: usize,
    picked: bool,
}

struct Choice {
    label: String,
    link: String,
    picked: bool,
}

struct CodeView {
    short: String,
    words: String,
}

struct CardView {
    link: String,
    title: String,
    institution: String,
    about: String,
    open: bool,
    superseded: bool,
    k: Option<u32>,
    l: Option<u32>,
    diseases: Vec<String>,
    codes: Vec<CodeView>,
    price: String,
    tables: usize,
    rows: u64,
    columns: usize,
    files: u64,
    countries: String,
    day: String,
}

/// The title of a card, or what stands for it.
fn title(lang: Lang, card: &Card) -> String {
    if card.title.is_empty() {
        fill(lang.words().package_n, &[&&card.id.package.to_string()[..12]])
    } else {
        card.title.clone()
    }
}

fn price(lang: Lang, card: &Card) -> String {
    let Some(price) = &card.price else { return "–".to_owned() };
    if price.units == 0 && !card.several {
        return lang.words().free.to_owned();
    }
    let amount = galen_api::words::amount(price.units, price.decimals);
    let text = format!("{amount} {}", price.currency);
    if card.several { fill(lang.words().from_price, &[&text]) } else { text }
}

/// The day of a moment, in UTC.
fn day(time_ms: u64) -> String {
    instant(time_ms).split(' ').next().unwrap_or_default().to_owned()
}

fn card(lang: Lang, card: &Card) -> CardView {
    let diseases = card.of(Facet::Disease).iter().take(MAX_DISEASES);
    let codes = card
        .of(Facet::Terms)
        .iter()
        .map(|short| CodeView { short: short.clone(), words: label_of_code(lang, short) });
    CardView {
        link: link(&card.id),
        title: title(lang, card),
        institution: card.institution.clone(),
        about: card.about.clone(),
        open: card.open,
        superseded: card.superseded,
        k: card.k,
        l: card.l,
        diseases: diseases.map(|id| mondo::label(lang, id)).collect(),
        codes: codes.collect(),
        price: price(lang, card),
        tables: card.tables,
        rows: card.rows,
        columns: card.columns,
        files: card.files,
        countries: card.of(Facet::Country).join(", "),
        day: day(card.since_ms),
    }
}

fn label_of_code(lang: Lang, short: &str) -> String {
    short.parse::<Code>().map_or_else(|_| short.to_owned(), |code| sentences::code(lang, code))
}

/// A value of a facet in words.
fn label(state: &Snapshot, lang: Lang, facet: Facet, value: &str) -> Result<String, ApiError> {
    Ok(match facet {
        Facet::Disease => mondo::label(lang, value),
        Facet::Kind => lang.words().kind_name(value).unwrap_or(value).to_owned(),
        Facet::Terms => format!("{value} · {}", label_of_code(lang, value)),
        Facet::Institution => match value.parse::<AccountId>() {
            Ok(account) => {
                let party = state_key::read(state, &state_key::party(Role::Institution, &account))?;
                party.map_or_else(|| value.to_owned(), |party| party.name.to_string())
            }
            Err(_) => value.to_owned(),
        },
        Facet::Column | Facet::Country | Facet::Currency => value.to_owned(),
    })
}

fn bound_label(lang: Lang, bound: Bound, value: u64) -> String {
    let t = lang.words();
    let value_text = grouped(value);
    match bound {
        Bound::Price if value == 0 => t.free.to_owned(),
        Bound::Rows => fill(t.rows_at_least, &[&value_text]),
        Bound::K => fill(t.k_at_least, &[&value_text]),
        Bound::L => fill(t.l_at_least, &[&value_text]),
        Bound::Price => fill(t.price_at_most, &[&value_text]),
        Bound::Days => fill(t.listed_within, &[&value_text]),
    }
}

fn groups(
    state: &Snapshot,
    lang: Lang,
    query: &Query,
    found: &Found,
) -> Result<Vec<Group>, ApiError> {
    let t = lang.words();
    let of_facet = |facet: Facet| -> Result<Group, ApiError> {
        let (values, more) = &found.answer.facets[facet.at()];
        let values = values.iter().map(|counted| {
            Ok(Value {
                label: label(state, lang, facet, &counted.value)?,
                link: query.toggled(facet, &counted.value).address("/"),
                count: counted.count,
                picked: query.picked[facet.at()].contains(&counted.value),
            })
        });
        let title = match facet {
            Facet::Disease => t.disease,
            Facet::Kind => t.kind,
            Facet::Column => t.column,
            Facet::Country => t.country,
            Facet::Terms => t.facet_terms,
            Facet::Institution => t.institution,
            Facet::Currency => t.currency,
        };
        let values = values.collect::<Result<_, ApiError>>()?;
        Ok(Group { name: facet.name(), title, proven: false, values, more: *more })
    };
    let of_bound = |bound: Bound| {
        let chosen = query.bounds[bound.at()];
        let steps = bound.steps().iter().zip(&found.answer.steps[bound.at()]);
        let values = steps.filter(|(step, count)| **count > 0 || chosen == Some(**step)).map(
            |(step, count)| {
                let picked = chosen == Some(*step);
                let other = (!picked).then_some(*step);
                Value {
                    label: bound_label(lang, bound, *step),
                    link: query.bounded(bound, other).address("/"),
                    count: *count,
                    picked,
                }
            },
        );
        let title = match bound {
            Bound::Rows => t.facet_rows,
            Bound::K => t.facet_k,
            Bound::L => t.facet_l,
            Bound::Price => t.price,
            Bound::Days => t.facet_fresh,
        };
        let proven = matches!(bound, Bound::K | Bound::L);
        Group { name: bound.name(), title, proven, values: values.collect(), more: 0 }
    };
    let mut groups = vec![
        of_facet(Facet::Disease)?,
        of_bound(Bound::K),
        of_bound(Bound::L),
        of_bound(Bound::Rows),
        of_facet(Facet::Terms)?,
        of_bound(Bound::Price),
        of_facet(Facet::Country)?,
        of_facet(Facet::Kind)?,
        of_facet(Facet::Column)?,
        of_facet(Facet::Institution)?,
        of_bound(Bound::Days),
    ];
    let currencies = of_facet(Facet::Currency)?;
    // With one currency there is nothing to choose.
    if currencies.values.len() > 1 {
        groups.push(currencies);
    }
    groups.retain(|group| !group.values.is_empty());
    Ok(groups)
}

fn chips(state: &Snapshot, lang: Lang, query: &Query) -> Result<Vec<Choice>, ApiError> {
    let mut chips = Vec::new();
    let mut add = |label: String, without: Query| {
        chips.push(Choice { label, link: without.address("/"), picked: true });
    };
    if !query.text.is_empty() {
        let without = Query { text: String::new(), ..query.first() };
        add(fill(lang.words().text_is, &[&query.text]), without);
    }
    for facet in Facet::ALL {
        for value in &query.picked[facet.at()] {
            add(label(state, lang, facet, value)?, query.toggled(facet, value));
        }
    }
    for bound in Bound::ALL {
        if let Some(value) = query.bounds[bound.at()] {
            add(bound_label(lang, bound, value), query.bounded(bound, None));
        }
    }
    Ok(chips)
}

/// The page of a question.
pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    query: &Query,
) -> Result<List, ApiError> {
    let lang = reader.lang;
    let mut f = Frame::new(app, state, reader, "datasets");
    let t = f.t;
    f.text.clone_from(&query.text);
    let found = app.finder.find(app, state, query)?;
    let totals = app.finder.totals(app, state)?;
    let pages = found.total().div_ceil(PAGE);
    let at = |page: usize| Query { page, ..query.clone() }.address("/");
    let bound = |bound: Bound| query.bounds[bound.at()].map_or_else(String::new, |n| n.to_string());
    let own = ["rows_min", "k_min", "l_min", "price_max"];
    let sorts =
        Sort::ALL.into_iter().filter(|sort| *sort != Sort::Relevance || !query.text.is_empty());
    // Without a text everything fits alike, and the newest come first.
    let shown = match query.sort {
        Sort::Relevance if query.text.is_empty() => Sort::Newest,
        sort => sort,
    };
    let sorts = sorts.map(|sort| Choice {
        label: match sort {
            Sort::Relevance => t.sort_relevance,
            Sort::Newest => t.sort_newest,
            Sort::Price => t.sort_price,
            Sort::Rows => t.sort_rows,
            Sort::K => t.sort_k,
        }
        .to_owned(),
        link: Query { sort, ..query.first() }.address("/"),
        picked: sort == shown,
    });
    Ok(List {
        plain: query.is_plain(),
        listed: totals.listed,
        institutions: totals.institutions,
        rows: totals.rows,
        form: Form {
            text: query.text.clone(),
            rows_min: bound(Bound::Rows),
            k_min: bound(Bound::K),
            l_min: bound(Bound::L),
            price_max: bound(Bound::Price),
            kept: query.pairs().into_iter().filter(|pair| !own.contains(&pair.0)).collect(),
        },
        groups: groups(state, lang, query, &found)?,
        sorts: sorts.collect(),
        chips: chips(state, lang, query)?,
        cards: found.cards.iter().map(|found| card(lang, found)).collect(),
        total_text: match found.total() {
            1 => t.found_one.to_owned(),
            total => fill(t.found_many, &[&grouped(total as u64)]),
        },
        page_text: fill(t.page_of, &[&(query.page + 1), &pages]),
        pages,
        before: query.page.checked_sub(1).map(at),
        after: (query.page + 1 < pages).then(|| at(query.page + 1)),
        feed: feed_address(lang, &Query { sort: Sort::Relevance, ..query.first() }),
        f,
    })
}

#[derive(Template)]
#[template(path = "feed.xml")]
pub(super) struct Feed {
    lang: &'static str,
    id: String,
    title: String,
    updated: String,
    own: String,
    page: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    updated: String,
    institution: String,
    link: String,
    summary: String,
}

/// The address of a question's feed. Who reads feeds has no cookie, so that it names a language other
/// than the first.
fn feed_address(lang: Lang, query: &Query) -> String {
    let address = query.address(FEED);
    match lang {
        Lang::English => address,
        other => {
            let mark = if address.contains('?') { '&' } else { '?' };
            format!("{address}{mark}lang={}", other.code())
        }
    }
}

/// A moment as feeds write it.
fn rfc3339(time_ms: u64) -> String {
    instant(time_ms).replacen(' ', "T", 1).replace(" UTC", "Z")
}

/// The feed of a question: the newest of what it finds.
pub(super) fn feed(
    app: &App,
    state: &Snapshot,
    lang: Lang,
    query: &Query,
) -> Result<Feed, ApiError> {
    let t = lang.words();
    let query = Query { sort: Sort::Newest, ..query.first() };
    let found = app.finder.find(app, state, &query)?;
    let asked = Query { sort: Sort::Relevance, ..query };
    let own = feed_address(lang, &asked);
    // Whoever keeps a feed no longer knows where it came from.
    let whole = |path: String| format!("{}{path}", app.public);
    let chips: Vec<String> =
        chips(state, lang, &asked)?.into_iter().map(|chip| chip.label).collect();
    let entries = found.cards.iter().map(|card| {
        let k = card.k.map(|k| fill(t.k_proven, &[&k]));
        let rows = (card.tables > 0).then(|| format!("{}: {}", t.rows, grouped(card.rows)));
        let facts: Vec<String> = [k, rows, Some(price(lang, card))].into_iter().flatten().collect();
        Entry {
            id: format!("urn:galen:{}:{}", card.id.institution, card.id.package),
            title: title(lang, card),
            updated: rfc3339(card.since_ms),
            institution: card.institution.clone(),
            link: whole(link(&card.id)),
            summary: format!("{} {}", facts.join(" · "), card.about).trim().to_owned(),
        }
    });
    let entries: Vec<Entry> = entries.collect();
    let updated = found.cards.first().map_or(0, |card| card.since_ms);
    Ok(Feed {
        lang: lang.tag(),
        id: format!("urn:galen:{}:{}", app.rules().chain_id(), own),
        title: std::iter::once(t.datasets.to_owned()).chain(chips).collect::<Vec<_>>().join(" · "),
        updated: rfc3339(updated),
        page: whole(asked.address("/")),
        own: whole(own),
        entries,
    })
}
