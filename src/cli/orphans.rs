//! `orphans`: files that no manifest names.

use std::ffi::OsString;

use clap::Args;

use super::stores::StoreArgs;
use super::{Format, Outcome, RunError, print, print_json, to_the_end, width};
use lance_lint::commands::orphans::orphans;
use lance_lint::report::orphans as report;

#[derive(Debug, Args)]
pub struct OrphansArgs {
    /// A dataset
    #[arg(value_name = "PATH")]
    path: OsString,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    stores: StoreArgs,
    /// List every file, not the first few of each kind
    #[arg(long)]
    all: bool,
}

impl OrphansArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let storage = self.stores.storage();
        let found = orphans(storage.as_ref(), self.path);
        let found = to_the_end(storage.as_ref(), found)?;
        match self.format {
            Format::Text => print(|out| report::write(out, &found, self.all, width()))?,
            Format::Json => print_json(&report::document(&found))?,
        }
        Ok(Outcome::Clean)
    }
}
