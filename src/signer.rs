//! The wallet as a page of this machine: `galen wallet serve`.
//!
//! A portal is trusted with nothing, so a purchase that begins on a portal's page ends here: the portal
//! links to this server on loopback, and this server shows what would be signed, out of what it asked
//! its own node, and signs when a person says so. No script of a portal can talk to it and nothing about
//! the holder is ever answered to one: the guard of [`crate::loopback`] lets in the wallet's own pages and
//! plain links to them, with the pairing code.
//!
//! [`orders`] are what was shown and may be signed; [`work`] does what takes long, [`routes`] answers,
//! [`views`] are the pages and [`words`] their texts, in both languages. They need no script, but for the one
//! that opens a dataset in the browser, which [`browser`] gives what was bought. Depends on the operations of
//! this package, as the command line does; the node is asked over HTTP.

mod browser;
mod orders;
mod routes;
mod views;
mod words;
mod work;

use std::path::Path;
use std::sync::{Arc, Mutex};

use galen_web::lang::Lang;

use crate::error::Failure;
use crate::loopback::{Answer, Asked, Brand, Desk, Once, Sent, Site, Works};
use crate::session::Session;
use crate::wallet::Wallet;
use orders::Order;
use words::Words;

pub use crate::loopback::{Plan, Serving};

/// What every request sees.
struct Signer {
    desk: Desk,
    orders: Mutex<Once<Order>>,
    works: Works<work::Name>,
}

impl Signer {
    fn session(&self) -> Result<Session, Failure> {
        self.desk.session()
    }
}

impl Site for Signer {
    const BRAND: Brand = Brand {
        name: "Galen wallet",
        command: "galen wallet serve",
        address: "127.0.0.1:4860",
        doors: &["/", "/buy", "/qualify"],
        form_bytes: 8192,
    };

    fn name(lang: Lang) -> &'static str {
        Words::of(lang).wallet
    }

    fn links(lang: Lang) -> Vec<(&'static str, &'static str)> {
        vec![("/qualify", Words::of(lang).datasets_for_me)]
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn uploads(&self) -> Option<&Path> {
        None
    }

    fn is_busy(&self) -> bool {
        self.works.is_busy()
    }

    fn is_for_script(path: &str) -> bool {
        browser::is_for_script(path)
    }

    fn script(path: &str) -> Option<&'static str> {
        (path == "/galen-open.js").then_some(browser::SCRIPT)
    }

    fn respond(
        self: &Arc<Self>,
        asked: &Asked,
        sent: Sent,
        wallet: Arc<Wallet>,
    ) -> Result<Answer, Failure> {
        routes::respond(self, asked, &sent.form, wallet)
    }
}

/// Starts to serve a wallet.
///
/// # Errors
/// When there is no keystore, the address is not one of this machine's own, or it is taken.
pub async fn start(plan: Plan) -> Result<Serving, Failure> {
    let make = |desk| Ok(Signer { desk, orders: Mutex::default(), works: Works::default() });
    crate::loopback::start(plan, make).await
}
