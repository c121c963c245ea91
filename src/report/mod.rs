//! Outputs, one file per format, each with its own structures.

pub mod diff;
pub mod inspect;
pub mod json;
mod layout;
pub mod orphans;
mod table;
pub mod text;
mod tree;
