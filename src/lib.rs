//! Checks Lance datasets and files: every column's physical encoding beside what the schema
//! asks for.
//!
//! Data flows one way: [`storage`] → [`format`] → [`model`] → [`typing`] → [`rules`] →
//! [`check`] → `decode` → [`policy`] → [`report`]. Nothing here uses Lance's own reader, whose panics are
//! what people come to debug, but for `decode`: with the feature `decode` it runs Lance's
//! decoder in a process of its own.

pub mod check;
#[cfg(feature = "decode")]
pub mod decode;
pub mod diagnose;
pub mod did_you_mean;
pub mod finding;
pub mod format;
mod hash;
pub mod model;
pub mod policy;
pub mod printable;
pub mod report;
pub mod rules;
pub mod storage;
pub mod typecheck;

/// The newest Lance release whose formats this build knows.
pub const KNOWS_LANCE: &str = "14.0.2";
