//! Outputs, one file per format, each with its own structures.

mod annotation;
pub mod bundle;
pub mod concise;
pub mod diagnose;
pub mod diff;
pub mod github;
pub mod gitlab;
pub mod inspect;
pub mod json;
pub mod json_lines;
pub mod junit;
mod layout;
pub mod orphans;
pub mod parts;
pub mod rules;
pub mod sarif;
pub mod split;
pub mod statistics;
mod table;
pub mod text;
mod tree;

pub use layout::{FIXED_WIDTH, LEAST_WIDTH};
