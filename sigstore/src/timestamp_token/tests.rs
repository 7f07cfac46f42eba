//! Whole requests and tokens.
