//! Every class of rows that agree on the quasi-identifiers has at least k rows.
