//! The field-metadata key by which a schema says itself what is to be ignored of a column:
//! `lance-lint:ignore` = `rule, rule: reason`.

use super::{UnknownRule, named};
use crate::finding::RuleInfo;

/// Most rules that one value may name; there are fewer. Those behind them are not taken.
const MAX_RULES: usize = 100;

/// What a value of the key says.
#[derive(Debug, PartialEq, Eq)]
pub struct Ignores {
    /// The rules, or what is none.
    pub rules: Vec<Result<&'static RuleInfo, UnknownRule>>,
    /// Why they are ignored.
    pub reason: Option<String>,
}

/// Reads a value of the key.
pub fn parse(value: &str) -> Ignores {
    let (rules, reason) = match value.split_once(':') {
        Some((rules, reason)) => (rules, Some(reason.trim()).filter(|text| !text.is_empty())),
        None => (value, None),
    };
    let names = rules.split(',').map(str::trim);
    Ignores {
        rules: names
            .filter(|name| !name.is_empty())
            .take(MAX_RULES)
            .map(named)
            .collect(),
        reason: reason.map(str::to_string),
    }
}
