//! `galen dataset history` and `galen dataset lineage`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use galen_api::story::{instant, sentence};
use galen_api::{HistoryEntry, LineageEdge, LineageGraph, LineageKind, LineageNode};
use galen_light::Anchor;
use galen_market::listing::{ListingId, Standing};
use serde_json::json;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::{genesis, light, listing};
use crate::output::{printable, table};
use crate::session::Session;

/// Arguments of `history`.
#[derive(Args, Debug)]
pub struct History {
    /// The package's id, at least six of its first digits, or institution/package
    package: String,
    /// Prove every entry against a signed header; the genesis is the node's unless given
    #[arg(long)]
    prove: bool,
    /// A genesis of your own to prove from
    #[arg(long, value_name = "FILE", requires = "prove")]
    genesis: Option<PathBuf>,
}

/// How a lineage is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Form {
    /// A tree of text
    Tree,
    /// Graphviz
    Dot,
}

/// Arguments of `lineage`.
#[derive(Args, Debug)]
pub struct Lineage {
    /// The package's id, at least six of its first digits, or institution/package
    package: String,
    /// How it is written; --json gives the graph
    #[arg(long, default_value = "tree")]
    form: Form,
}

pub(super) fn history(context: &Context, command: &History) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let id = listing::named(&session, &command.package)?;
    let entries = session.client().history(&id)?;
    let proven = if command.prove { Some(prove(&session, command, &entries)?) } else { None };
    context.output.data(&json!({ "listing": id, "entries": entries, "proven": proven }), || {
        let rows = entries.iter().map(|HistoryEntry { happened, offer }| {
            let prices: Vec<String> = offer
                .iter()
                .flat_map(|offer| offer.tiers.iter())
                .map(|tier| tier.price.to_string())
                .collect();
            [
                happened.height.to_string(),
                instant(happened.time_ms),
                told(&id, happened),
                prices.join(", "),
            ]
        });
        let note = match proven {
            Some(count) => format!(
                "\n\n{count} entries proven: each stands in a block that the validators signed.\n"
            ),
            None => String::new(),
        };
        format!("{}{note}", table(["block", "time", "what", "price"], rows))
    })
}

/// The listing of a descendant is told as such.
fn told(id: &ListingId, happened: &galen_api::Happened) -> String {
    match &happened.event {
        galen_market::event::Event::ListingLive { listing, .. } if listing != id => {
            format!("a dataset that comes from it was listed: {listing}")
        }
        event => sentence(event),
    }
}

/// Checks that every entry happened, by its place in a signed block.
fn prove(session: &Session, command: &History, entries: &[HistoryEntry]) -> Result<usize, Failure> {
    let own = command.genesis.as_deref().map(genesis::read_file).transpose()?;
    let anchor = Anchor::genesis(own.as_ref().unwrap_or_else(|| session.genesis()))?;
    let mut trusted = BTreeMap::new();
    for HistoryEntry { happened, .. } in entries {
        let found = session.client().event(happened.height, happened.index)?;
        let header = found.block.header.clone();
        let known = trusted.get(&header.height) == Some(&header.id());
        if !known {
            light::path(session, &anchor, found.block)?;
            trusted.insert(header.height, header.id());
        }
        let event = found.proof.verify(&header).map_err(|error| {
            Failure::new(Exit::RefusedProof, "proof.refused", error.to_string())
                .remedy("do not rely on this node's history; ask another one")
        })?;
        let place = (found.proof.index, header.height, header.time_ms);
        let stated = (u64::from(happened.index), happened.height, happened.time_ms);
        if event != happened.event || place != stated {
            return Err(Failure::new(
                Exit::RefusedProof,
                "history.difference",
                format!("what the node says of block {} is not what it proves", happened.height),
            )
            .remedy("do not rely on this node's history; ask another one"));
        }
    }
    Ok(entries.len())
}

pub(super) fn lineage(context: &Context, command: &Lineage) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let id = listing::named(&session, &command.package)?;
    let graph = session.client().lineage(&id)?;
    context.output.data(&graph, || match command.form {
        Form::Tree => tree(&graph),
        Form::Dot => dot(&graph),
    })
}

fn name(node: &LineageNode) -> String {
    let short = &node.listing.package.to_string()[..12];
    let title =
        node.title.as_deref().map_or(String::new(), |title| format!(" {}", printable(title)));
    let standing = match node.standing {
        Standing::Live => "",
        Standing::Draft { .. } => " (draft)",
        Standing::Refunded { .. } => " (refunded)",
        Standing::Withdrawn => " (withdrawn)",
        Standing::TakenDown => " (taken down)",
    };
    format!("{short}{title}, {}{standing}", printable(&node.institution_name))
}

fn how(edge: &LineageEdge) -> String {
    let kind = match edge.kind {
        LineageKind::Supersedes => "newer version",
        LineageKind::DerivedFrom => "derived",
    };
    match edge.step.as_deref().filter(|step| !step.is_empty()) {
        Some(step) => format!("{kind}, declared: {}", printable(step)),
        None => kind.to_owned(),
    }
}

/// Parents above their children; who has several stands under each, and is followed once.
fn tree(graph: &LineageGraph) -> String {
    let nodes: BTreeMap<ListingId, &LineageNode> =
        graph.nodes.iter().map(|node| (node.listing, node)).collect();
    let children: BTreeSet<ListingId> = graph.edges.iter().map(|edge| edge.child).collect();
    let mut lines = Vec::new();
    let mut followed = BTreeSet::new();
    let roots = graph.nodes.iter().filter(|node| !children.contains(&node.listing));
    let mut waiting: Vec<(usize, ListingId, Option<&LineageEdge>)> =
        roots.map(|node| (0, node.listing, None)).collect();
    waiting.reverse();
    while let Some((depth, id, edge)) = waiting.pop() {
        let Some(node) = nodes.get(&id) else { continue };
        let mark = if id == graph.of { " <- this one" } else { "" };
        let from = edge.map_or(String::new(), |edge| format!("[{}] ", how(edge)));
        let first = followed.insert(id);
        let again = if first { "" } else { " (see above)" };
        lines.push(format!("{}{from}{}{again}{mark}", "  ".repeat(depth), name(node)));
        if first {
            let below = graph.edges.iter().rev().filter(|edge| edge.parent == id);
            waiting.extend(below.map(|edge| (depth + 1, edge.child, Some(edge))));
        }
    }
    if graph.truncated {
        lines.push("There is more of it than is shown.".to_owned());
    }
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn dot(graph: &LineageGraph) -> String {
    let mut lines = vec!["digraph lineage {".to_owned(), "  node [shape=box];".to_owned()];
    let id = |listing: &ListingId| quoted(&format!("{}/{}", listing.institution, listing.package));
    for node in &graph.nodes {
        let this = if node.listing == graph.of { ", style=bold" } else { "" };
        lines.push(format!("  {} [label={}{this}];", id(&node.listing), quoted(&name(node))));
    }
    for edge in &graph.edges {
        lines.push(format!(
            "  {} -> {} [label={}];",
            id(&edge.parent),
            id(&edge.child),
            quoted(&how(edge))
        ));
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_market::id::{AccountId, PackageId};

    use super::*;

    fn id(number: u8) -> ListingId {
        ListingId { institution: AccountId([1; 32]), package: PackageId([number; 32]) }
    }

    fn graph() -> LineageGraph {
        let node = |number: u8, title: &str| LineageNode {
            listing: id(number),
            title: Some(title.to_owned()),
            institution_name: "Hospital".to_owned(),
            standing: Standing::Live,
            live_since_ms: Some(u64::from(number)),
        };
        let edge = |parent, child, kind, step: Option<&str>| LineageEdge {
            parent: id(parent),
            child: id(child),
            kind,
            step: step.map(str::to_owned),
        };
        LineageGraph {
            of: id(3),
            nodes: vec![node(1, "one"), node(2, "a \"second\"\u{1b}[2J"), node(3, "three")],
            edges: vec![
                edge(1, 2, LineageKind::Supersedes, None),
                edge(1, 3, LineageKind::DerivedFrom, Some("women only")),
                edge(2, 3, LineageKind::DerivedFrom, None),
            ],
            truncated: false,
        }
    }

    #[test]
    fn a_lineage_is_a_tree_of_text_in_which_nothing_is_followed_twice() {
        let text = tree(&graph());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].starts_with("010101010101 one, Hospital"));
        assert!(lines[1].starts_with("  [newer version] 020202020202"), "{text}");
        assert!(lines[2].starts_with("    [derived] 0303"), "{text}");
        assert!(lines[3].starts_with("  [derived, declared: women only] 0303"), "{text}");
        assert!(lines[3].contains("(see above)") && lines[3].ends_with("<- this one"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_title_does_not_break_out_of_its_label() {
        let text = dot(&graph());
        assert!(text.contains("a \\\"second\\\""), "{text}");
        assert_eq!(text.matches("->").count(), 3);
    }
}
