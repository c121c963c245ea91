//! `diff`: what differs between two versions, datasets or data files.

use std::ffi::OsString;

use clap::Args;

use super::stores::StoreArgs;
use super::{Format, Outcome, RunError, print, print_json, to_the_end, width};
use lance_lint::commands::diff::diff;
use lance_lint::report::diff as report;

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A dataset, a version of one as PATH@12 or PATH@TAG, or a data file
    #[arg(value_name = "LEFT")]
    left: OsString,
    /// What it is compared with, written in the same way
    #[arg(value_name = "RIGHT")]
    right: OsString,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    stores: StoreArgs,
    /// Exit with 1 when there is a difference
    #[arg(long)]
    exit_code: bool,
}

impl DiffArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let storage = self.stores.storage();
        let found = diff(storage.as_ref(), &self.left, &self.right);
        let found = to_the_end(storage.as_ref(), found)?;
        match self.format {
            Format::Text => print(|out| report::write(out, &found, width()))?,
            Format::Json => print_json(&report::document(&found))?,
        }
        Ok(match self.exit_code && !found.changes.is_empty() {
            true => Outcome::Findings,
            false => Outcome::Clean,
        })
    }
}
