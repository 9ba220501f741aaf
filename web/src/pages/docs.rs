//! The page of the interface for programs, out of the same list as its OpenAPI document.

use askama::Template;
use galen_chain::store::Snapshot;

use super::frame::{Frame, Reader};
use crate::App;
use crate::lang::interface::said;
use crate::openapi::{Row, groups};

#[derive(Template)]
#[template(path = "docs.html")]
pub(super) struct DocsPage {
    f: Frame,
    base: String,
    groups: Vec<(&'static str, Vec<Row>)>,
}

/// The page.
pub(super) fn page(app: &App, state: &Snapshot, reader: &Reader) -> DocsPage {
    let f = Frame::new(app, state, reader, "");
    let lang = f.lang;
    let groups = groups(f.t.needed).into_iter().map(|(group, rows)| {
        let rows = rows.into_iter().map(|row| Row { summary: said(lang, row.summary), ..row });
        (said(lang, group), rows.collect())
    });
    DocsPage { base: app.public.clone(), groups: groups.collect(), f }
}
