use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// The encoding of a page is one that no reader can run. A codec stands where readers do not
    /// take it, its parameters are impossible, or it belongs to another file version.
    ///
    /// ## What readers do
    /// Readers build a decoder from this tree before they look at any value. So the column fails as
    /// a whole, and from 2.1 on often the whole file with it. The finding marks the wrong node and
    /// gives the words of the reader for it. Some of them:
    ///
    /// - `PackedStruct field widths must be positive byte widths`
    /// - `Unknown compression scheme: …` (a panic)
    /// - `Unsupported compression scheme`, or a panic
    /// - `Large miniblock chunks are not part of the Lance v2.1 grammar`
    /// - `FSL dimension must be positive`
    /// - `Flat mini-block requires a positive bit width and no leaf compression`
    /// - `not yet implemented: bits_per_value (…) that is not a multiple of 8` (a panic of 2.0)
    /// - ``called `Option::unwrap()` on a `None` value`` (a panic of 2.0)
    ///
    /// In a log a panic of a 2.0 reader shows as
    /// `Lance reader producer terminated before end of stream`.
    ///
    /// A few faults are worse. The reader then returns wrong values or nulls **without a word**,
    /// and the finding says so.
    ///
    /// ## How it comes about
    /// - Lance writes what it cannot read back: packed structs with a boolean child (2.1 and 2.2,
    ///   up to 14.0.2 at least).
    /// - A writer other than Lance's own has a bug.
    /// - The file's metadata was damaged.
    ///
    /// ## How to mend it
    /// Restore the file from a copy, or write the column again from its source. For a packed struct
    /// with a boolean, write that child as another type, or without the packed key. Until then,
    /// read the other columns:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    static INFO = Error "encoding-malformed", "a page's encoding is one that no reader can run";
}

/// See [`INFO`].
pub struct EncodingMalformed;

impl Rule for EncodingMalformed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, About::Grammar) {
            let found = &fault.complaint.found;
            let path = &view.field.path;
            let message = format!(
                "the encoding of column `{path}` is one that no reader can run: it has {found}"
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.mend(view.restore_mend()));
        }
    }
}
