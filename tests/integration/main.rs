//! Tests of the program as its users run it: the real binary on fixtures, scratch datasets and sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../common/mod.rs"]
mod common;

mod advisories;
mod attacks;
mod bundle;
mod command_line;
mod diagnose;
mod docs;
mod formats;
mod gate;
mod golden_output;
mod history;
mod json_schema;
mod library;
mod limits;
mod merge;
mod readers;
mod readme;
mod rules_docs;
mod verdicts;
