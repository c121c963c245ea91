//! After a panic: which message of a log is the cause, what it means, and which finding of a
//! dataset it comes from.
//!
//! Data flows one way: bytes → [`text`] → [`events`] → [`recognise`] with the [`catalogue`] →
//! [`locate`].

pub mod catalogue;
pub mod events;
pub mod locate;
pub mod recognise;
pub mod text;

pub use locate::{Located, Search, locate};
pub use recognise::{Diagnosis, Recognised, Understood, diagnose};
