//! The rule on what only a decoder sees.

use super::Rule;
use crate::finding::{Finding, Place, RuleInfo, Witnessed};

rule! {
    /// Lance's own decoder fails on a page or on a file in which nothing else is found wrong: bytes
    /// were damaged, or are not what the encoding says. It is found with `--decode` alone, since it
    /// takes the values themselves.
    static INFO = Error "decode-failed", "Lance's own decoder fails on a page in which nothing else is wrong (`--decode` only)";
}

/// See the module. It judges nothing by itself: what a decoder did becomes its findings.
pub struct DecodeFailed;

impl Rule for DecodeFailed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }
}

/// The finding of a failure that no other finding explains; `times` it failed alike.
pub fn finding(witnessed: Witnessed, place: Place, times: u64) -> Finding {
    let mut finding = match &witnessed.column {
        Some(path) => INFO
            .finding(format!("column `{path}` does not decode"))
            .column(path)
            .mend("restore the file from a copy, or write the column anew from its source")
            .mend("until then, read the other columns: a projection without this one still works"),
        None => INFO
            .finding("a data file does not decode")
            .mend("restore the file from a copy"),
    };
    for _ in 1..times {
        finding = finding.at(place.clone());
    }
    finding = finding.at(place);
    finding.witness(witnessed, times);
    finding
}
