//! `galen demo`: the whole story on a real table.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

use crate::config::Context;
use crate::error::Failure;

/// Options of `galen demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// End after the story instead of leaving the node and its page open
    #[arg(long)]
    once: bool,
    /// Port of the page on this machine; 0 takes a free one
    #[arg(long, default_value_t = 4850)]
    port: u16,
}

/// Tells the story.
///
/// # Errors
/// The first thing that did not go as it must.
pub fn run(context: &Context, command: &Demo) -> Result<(), Failure> {
    let port = if command.once { 0 } else { command.port };
    crate::demo::run(context, command.once, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}
