//! Rules of the Galen marketplace and the state machine of its ledger.
