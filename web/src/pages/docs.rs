//! The page of the interface for programs, out of the same list as its OpenAPI document. English in both
//! languages: it describes names that are English.

use askama::Template;
use galen_chain::store::Snapshot;

use super::frame::{Frame, Reader};
use crate::App;
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
    DocsPage { f, base: app.public.clone(), groups: groups() }
}
