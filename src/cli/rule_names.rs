//! Names of rules as arguments: shells complete them, and a misspelt one is told the nearest.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};

use lance_lint::finding::RuleInfo;
use lance_lint::rules::{explanations, named};

/// Parses the name of a rule.
#[derive(Debug, Clone, Copy)]
pub struct RuleName;

impl TypedValueParser for RuleName {
    type Value = &'static RuleInfo;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        named(value.to_string_lossy().trim()).map_err(|unknown| {
            let option = argument.map(|argument| format!("{argument}: "));
            let text = format!("{}{unknown}\n", option.unwrap_or_default());
            clap::Error::raw(ErrorKind::InvalidValue, text).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = explanations().map(|rule| PossibleValue::new(rule.id).help(rule.summary));
        Some(Box::new(values))
    }
}
