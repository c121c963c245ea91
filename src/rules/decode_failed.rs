//! The rule on what only a decoder sees.

use super::Rule;
use crate::finding::{DecodeFailure, Finding, Place, RuleInfo};

rule! {
    /// Lance's own decoder fails on a page, or on a file, in which nothing else is found wrong.
    /// The bytes were damaged, or they are not what the encoding says.
    ///
    /// ## What readers do
    /// `to_table()` fails or panics on that column or file. What the decoder of Lance 14.0.2 said
    /// stands in the finding, in its own words, as `decoder:`. A panic in a log often shows only
    /// this:
    ///
    /// ```text
    /// Lance reader producer terminated before end of stream
    /// ```
    ///
    /// ## How it comes about
    /// - Bytes were damaged in storage or on the way. Parts of an upload that were swapped did it
    ///   in lance-format/lance#6392.
    /// - A writer stored what does not fit its own encoding.
    ///
    /// This is found with `--decode` alone, since manifests, footers and page encodings do not
    /// show it. `--decode` is in builds with the feature `decode`. It sees what does not decode.
    /// It does not see what decodes to other values.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. Until then, read
    /// the other columns. A projection without the broken one still works:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// If the finding names no column, the whole file does not decode. Then only a copy helps.
    ///
    /// ## When it is silent
    /// Where another finding explains the failure, what the decoder said is put beside that one.
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
pub fn finding(decode_failures: DecodeFailure, place: Place, times: u64) -> Finding {
    let mut finding = match &decode_failures.column {
        Some(path) => INFO
            .finding(format!("column `{path}` does not decode"))
            .column(path)
            .help("restore the file from a copy, or write the column again from its source")
            .help("until then, read the other columns: a projection without this one still works"),
        None => INFO
            .finding("a data file does not decode")
            .help("restore the file from a copy"),
    };
    for _ in 1..times {
        finding = finding.at(place.clone());
    }
    finding = finding.at(place);
    finding.decode_failure(decode_failures, times);
    finding
}
