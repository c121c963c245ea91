//! Outputs, one file per format, each with its own structures.

pub mod inspect;
pub mod json;
mod layout;
mod table;
pub mod text;
mod tree;
