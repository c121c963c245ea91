//! What output leaves out: credentials always, names and values where that is asked.
//!
//! [`Redactor`] replaces names, [`RedactingStorage`] shows files under the names that it gives,
//! [`messages`] applies it to manifests and schemas, [`values`] says which parts of encodings hold values
//! of users, and [`secrets`] takes credentials out of URLs.

pub mod messages;
mod names;
mod secrets;
pub mod values;

pub use names::{Named, RedactingStorage, Redactor};
pub use secrets::{scheme_alone, without_credentials, without_secrets};
