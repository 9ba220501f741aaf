//! HTTP interface and pages of a Galen node.
