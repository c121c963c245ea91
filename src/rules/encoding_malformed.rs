use super::{ColumnView, Rule, fixes, page};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::encoding::{Kind, Nulls};
use crate::model::logical_type::LogicalType;
use crate::model::readers::DICTIONARY_NULLS_2_0;
use crate::model::version::FileVersion;
use crate::typecheck::TypeErrorKind;

rule! {
    /// The encoding of a page is one that no reader can run. A codec stands where readers do not
    /// take it, its parameters are impossible, or it belongs to another file version.
    ///
    /// ## What readers do
    /// Readers build a decoder from this tree before they look at any value. So the column fails
    /// as a whole, and from 2.1 on often the whole file with it. The finding marks the wrong node
    /// and gives the words of the reader for it. Some of them:
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
    /// A few faults are worse. The reader then returns wrong values or nulls **silently**,
    /// and the finding says so.
    ///
    /// What is not as writers write it, and what pylance 14.0.2 does not look at, is a warning: the
    /// number of items in a list page of 2.0, for one.
    ///
    /// ## How it comes about
    /// - Lance writes what it cannot read back: packed structs with a boolean child (2.1 and 2.2,
    ///   up to 14.0.2 at least).
    /// - Lance 0.16 and 0.17 stored the nulls of 2.0 dictionaries among the indices. They read
    ///   them themselves, and nothing is damaged: the finding says how to write them again.
    /// - A writer other than Lance's own has a bug.
    /// - The file's metadata was damaged.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. For a packed
    /// struct with a boolean, write that child as another type, or without the packed key. Until
    /// then, read the other columns:
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
        // What follows from a type of the schema, of which there is a finding, is not said again.
        let no_items = matches!(
            view.field.logical_type,
            LogicalType::FixedSizeList {
                dimension: ..=0,
                ..
            }
        );
        if no_items && view.file.snapshot.is_some() {
            return;
        }
        for fault in page::about(view, TypeErrorKind::Grammar) {
            let found = &fault.complaint.found;
            let path = &view.field.path;
            let message = format!(
                "the encoding of column `{path}` is one that no reader can run: it has {found}"
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(match has_null_indices(view, fault.page) {
                true => finding
                    .cause(DICTIONARY_NULLS_2_0.cause)
                    .help(fixes::rewrite_old(&DICTIONARY_NULLS_2_0, view.schema)),
                false => finding.help(view.restore_mend()),
            });
        }
        for fault in page::about(view, TypeErrorKind::Ignored) {
            let found = &fault.complaint.found;
            let path = &view.field.path;
            let message = format!(
                "the encoding of column `{path}` is not as writers write it: it has {found}"
            );
            findings.add(
                page::finding(&INFO, view, fault, message)
                    .severity(Severity::Warning)
                    .help("write the column again, since a later release may look at it"),
            );
        }
    }
}

/// Whether a page is a dictionary of 2.0 with its nulls among the indices, sound otherwise.
fn has_null_indices(view: &ColumnView<'_>, page: usize) -> bool {
    let page = view.column.pages.get(page);
    let Some(encoding) = page.and_then(|page| page.encoding.as_ref().ok()) else {
        return false;
    };
    let root = &encoding.root;
    let indices = root.child("indices").map(|node| &node.kind);
    view.version == FileVersion::V2_0
        && matches!(root.kind, Kind::Dictionary { .. })
        && matches!(indices, Some(Kind::Nullable(Nulls::Some)))
}
