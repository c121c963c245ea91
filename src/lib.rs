//! Checks Lance datasets and files: every column's physical encoding beside what the schema
//! asks for.
//!
//! Data flows one way: [`storage`] → [`format`] → [`model`] → [`typing`] → [`rules`] →
//! [`check`] → `witness` → [`policy`] → [`report`]. Nothing here uses Lance's own reader, whose panics are
//! what people come to debug, but for the witness: with the feature `decode` it runs Lance's
//! decoder in a process of its own.

pub mod check;
pub mod diagnose;
pub mod finding;
pub mod format;
pub mod model;
pub mod nearest;
pub mod policy;
pub mod printable;
pub mod report;
pub mod rules;
pub mod storage;
pub mod typing;
#[cfg(feature = "decode")]
pub mod witness;

/// The newest Lance release whose formats this build knows.
pub const KNOWS_LANCE: &str = "14.0.2";
