//! From a raw table to a sealed package and back.
