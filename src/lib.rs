//! Finds data in Lance datasets that a reader will crash on, or silently misread.
//!
//! [`check`] checks a dataset with default settings, [`Linter`] with others. A damaged dataset gives a
//! [`Report`] with [`Finding`]s; an [`Error`] says why a check could not be done.
//!
//! ```
//! use lance_lint::Severity;
//!
//! let report = lance_lint::check("testdata/daft-blob.lance")?;
//! for finding in report.findings().filter(|finding| finding.severity() >= Severity::Warning) {
//!     println!("{finding}");
//!     println!("{}", finding.help().next().unwrap_or_default());
//! }
//! assert!(!report.is_ok(Severity::Error));
//! # Ok::<(), lance_lint::Error>(())
//! ```
//!
//! Features: `cli` (the program; on by default), `object-stores` (`s3://` and the like; on by default),
//! `decode` (Lance's own decoder for `--decode`).
//!
//! The other modules are what the program is made of. They are not documented here, and may change in
//! any release.
//!
//! Data flows one way: `storage` → `format` → `model` → `typecheck` → `rules` → `check` → `decode` →
//! `policy` → `report`. Nothing uses Lance's own reader, whose panics are what people debug, but for
//! `decode`, which runs Lance's decoder in a process of its own.

#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod commands;
#[cfg(feature = "decode")]
#[doc(hidden)]
pub mod decode;
#[doc(hidden)]
pub mod diagnose;
#[doc(hidden)]
pub mod did_you_mean;
mod error;
#[doc(hidden)]
pub mod finding;
#[doc(hidden)]
pub mod format;
mod hash;
mod linter;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod policy;
#[doc(hidden)]
pub mod printable;
#[doc(hidden)]
pub mod redact;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rules;
#[doc(hidden)]
pub mod storage;
#[doc(hidden)]
pub mod typecheck;

pub use error::{Error, ErrorKind};
pub use linter::{Finding, Linter, Report, Severity, check};
#[cfg(feature = "object-stores")]
pub use object_store;
pub use policy::Level;

/// The newest release of Lance whose formats this build knows.
pub const KNOWS_LANCE: &str = model::readers::NEWEST_TEXT;

/// The examples of the guide compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
struct Guide;
