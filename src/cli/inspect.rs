//! `inspect`: one column in full.

use std::ffi::OsString;

use clap::Args;

use super::stores::StoreArgs;
use super::{
    Format, Outcome, RunError, SelectionArgs, print, print_json, request, to_the_end, width,
};
use lance_lint::commands::inspect::inspect;
use lance_lint::report::inspect as report;

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A dataset, a file of one, or a data file
    #[arg(value_name = "PATH")]
    path: OsString,
    /// The column, such as meta.caption; a struct stands for all columns below it
    #[arg(long, value_name = "PATH")]
    column: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// The fragment; the first that has the column by default (repeatable)
    #[arg(long, value_name = "ID")]
    fragment: Vec<u64>,
    /// Only this page, from 0
    #[arg(long, value_name = "N")]
    page: Option<u64>,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    stores: StoreArgs,
}

impl InspectArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let storage = self.stores.storage();
        let columns = self.column.into_iter().collect();
        let request = request(vec![self.path], self.selection, columns, self.fragment);
        let inspection = inspect(storage.as_ref(), &request, self.page);
        let inspection = to_the_end(storage.as_ref(), inspection)?;
        match self.format {
            Format::Text => print(|out| report::write(out, &inspection, width()))?,
            Format::Json => print_json(&report::document(&inspection))?,
        }
        Ok(Outcome::Clean)
    }
}
