//! Which path is answered by what. Depends on the views and the works.

use std::sync::Arc;

use serde::Deserialize;

use super::views::{self, OrderPage, Wish};
use super::words::Words;
use super::work::{self, Name};
use super::{Signer, browser};
use crate::error::Failure;
use crate::loopback::{Answer, Asked, Frame, State, absent, lock, page, parsed, scripted};
use crate::wallet::Wallet;

#[derive(Deserialize)]
struct Ordering {
    order: String,
}

pub(super) fn respond(
    signer: &Arc<Signer>,
    asked: &Asked,
    form: &[u8],
    wallet: Arc<Wallet>,
) -> Result<Answer, Failure> {
    let frame = asked.frame(&**signer);
    let path: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    match (asked.method.as_str(), path.as_slice()) {
        ("GET", [""]) => page(&views::home(signer, frame, &wallet)?),
        ("GET", ["qualify"]) => page(&views::qualify(signer, frame)?),
        ("GET", ["buy"]) => {
            let wish: Wish = parsed(asked.query.as_bytes())?;
            page(&views::buy(signer, frame, &wallet, wish)?)
        }
        ("POST", ["buy"]) => order(signer, wallet, parsed(form)?),
        ("GET", ["orders", name]) => ordered(signer, frame, name),
        ("GET", ["deals", index]) => page(&views::deal(signer, frame, number(index)?)?),
        ("POST", ["deals", index, "proceed"]) => {
            let index = number(index)?;
            work::proceed(signer, index, wallet)?;
            Ok(Answer::Go(format!("/deals/{index}")))
        }
        ("POST", ["deals", index, "open"]) => {
            let index = number(index)?;
            work::open(signer, index, wallet)?;
            Ok(Answer::Go(format!("/deals/{index}")))
        }
        ("GET", ["deals", index, "receipt.json"]) => browser::receipt(signer, number(index)?),
        ("GET", ["deals", index, "licence.json"]) => browser::licence(signer, number(index)?),
        ("GET", ["deals", index, browser::PAGE]) => {
            scripted(&views::opening(signer, frame, number(index)?)?)
        }
        ("POST", ["deals", index, browser::PAGE, "key"]) => {
            browser::key(signer, number(index)?, &wallet)
        }
        ("GET", ["deals", index, browser::PAGE, part]) => {
            browser::part(signer, number(index)?, part, &asked.headers)
        }
        _ => Err(absent()),
    }
}

fn number(text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| absent())
}

fn order(signer: &Arc<Signer>, wallet: Arc<Wallet>, form: Ordering) -> Result<Answer, Failure> {
    let look = "look at your deals; if it is not there, look at the offer again";
    let order = lock(&signer.orders).take(&form.order, look)?;
    let going = format!("/orders/{}", form.order);
    work::request(signer, form.order, order, wallet)?;
    Ok(Answer::Go(going))
}

fn ordered(signer: &Signer, mut frame: Frame, name: &str) -> Result<Answer, Failure> {
    let state = signer.works.state(&Name::Order(name.to_owned())).ok_or_else(absent)?;
    if let State::Done { page: Some(page), .. } = state {
        return Ok(Answer::Go(page));
    }
    if state.is_going() {
        frame.again = 1;
    }
    page(&OrderPage { t: Words::of(frame.lang), frame, state })
}
