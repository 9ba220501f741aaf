//! The `galen` command: a library with a thin binary.
