//! Orders, stores and replicates the Galen ledger.
