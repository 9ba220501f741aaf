//! The page of risk against loss: what several k would cost, as a chart and as a table.

use askama::Template;
use galen_dataset::deidentify::Choice;

use super::chart::{Chart, Line};
use super::percent;
use crate::console::Console;
use crate::console::words::Words;
use crate::error::Failure;
use crate::loopback::{Frame, absent};

/// The k that is proposed where it can be reached.
const USUAL: u64 = 11;

#[derive(Template)]
#[template(path = "risk.html")]
pub(in crate::console) struct Risk {
    frame: Frame,
    t: &'static Words,
    code: String,
    file: String,
    /// Names the settings under which this is so.
    shown: String,
    chart: Chart,
    rows: Vec<Row>,
    /// Whether any k can be reached.
    any: bool,
}

struct Row {
    k: u64,
    picked: bool,
    outcome: Result<Numbers, String>,
}

struct Numbers {
    loss: String,
    suppressed: u64,
    share: String,
    prosecutor: String,
    marketer: String,
    smallest: u64,
    levels: String,
}

/// Rows left out, of those that take part.
fn left_out(outcome: &galen_dataset::deidentify::Outcome) -> f64 {
    let all = outcome.risk.rows.saturating_add(outcome.suppressed);
    outcome.suppressed as f64 / all.max(1) as f64
}

pub(in crate::console) fn risk(
    console: &Console,
    frame: Frame,
    code: &str,
) -> Result<Risk, Failure> {
    let t = Words::of(frame.lang);
    console.with(code, |it| {
        let compared = it.compared.as_ref().ok_or_else(absent)?;
        let reached = |k: u64| compared.iter().any(|one| one.k == k && one.outcome.is_ok());
        let first = compared.iter().find(|one| one.outcome.is_ok()).map(|one| one.k);
        let picked = match it.settings.k {
            k if it.chosen && reached(k) => Some(k),
            _ if reached(USUAL) => Some(USUAL),
            _ => first,
        };
        Ok(Risk {
            frame,
            t,
            code: code.to_owned(),
            file: it.file.clone(),
            shown: it.compared_under()?.to_string(),
            chart: drawn(t, compared),
            rows: compared.iter().map(|choice| row(choice, picked)).collect(),
            any: first.is_some(),
        })
    })
}

fn row(choice: &Choice, picked: Option<u64>) -> Row {
    let outcome = choice.outcome.as_ref().map_err(Clone::clone).map(|outcome| {
        let levels = outcome.levels.iter().map(|(name, level)| format!("{name} {level}"));
        let diverse = outcome.diversity.iter().map(|(name, l)| format!("{name} l = {l}"));
        Numbers {
            loss: percent(outcome.loss),
            suppressed: outcome.suppressed,
            share: percent(left_out(outcome)),
            prosecutor: percent(outcome.risk.prosecutor_highest),
            marketer: percent(outcome.risk.marketer),
            smallest: outcome.risk.smallest,
            levels: levels.chain(diverse).collect::<Vec<_>>().join(", "),
        }
    });
    Row { k: choice.k, picked: picked == Some(choice.k), outcome }
}

fn drawn(t: &'static Words, compared: &[Choice]) -> Chart {
    let line = |name, class, value: fn(&galen_dataset::deidentify::Outcome) -> f64| Line {
        name,
        class,
        values: compared.iter().map(|one| one.outcome.as_ref().ok().map(value)).collect(),
    };
    Chart::new(
        compared.iter().map(|one| one.k).collect(),
        &[
            line(t.line_loss, "loss", |o| o.loss),
            line(t.line_left, "left", left_out),
            line(t.line_greatest, "prosecutor", |o| o.risk.prosecutor_highest),
            line(t.line_average, "marketer", |o| o.risk.marketer),
        ],
        t.at_k,
    )
}
