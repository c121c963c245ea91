//! `rules` and `explain`: what is judged.

use clap::Args;

use super::{Format, Outcome, RunError, print, print_json, width};
use lance_lint::report::rules as report;
use lance_lint::rules::explanation;

#[derive(Debug, Args)]
pub struct RulesArgs {
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A rule, such as blob-stored-plain, or a known bug, such as LL-0007
    #[arg(value_name = "RULE")]
    rule: String,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl RulesArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        match self.format {
            Format::Text => print(|out| report::list(out, width()))?,
            Format::Json => print_json(&report::document())?,
        }
        Ok(Outcome::Clean)
    }
}

impl ExplainArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let rule = explanation(self.rule.trim())?;
        match self.format {
            Format::Text => print(|out| report::explain(out, &rule, width()))?,
            Format::Json => print_json(&report::rule_json(&rule))?,
        }
        Ok(Outcome::Clean)
    }
}
