//! Entry point of the `galen` command.

fn main() {}
