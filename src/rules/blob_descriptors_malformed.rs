use super::blob::{descriptors, pages_stored, with_page};
use super::{ColumnView, Rule};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::schema::BlobDeclaration;
use crate::model::version::FileVersion;
use crate::typecheck::blob::Storage;

rule! {
    /// A blob column's pages do not hold the descriptors that a blob reader needs. They are marked
    /// as blobs and something else is inside. Or they hold descriptors that nothing marks as
    /// blobs, or packed structs that are none.
    ///
    /// Descriptors of v1 are position and size. Those of v2 are kind, position, size, blob id and
    /// URI.
    ///
    /// ## What readers do
    /// - Marked, and wrong inside, in 2.0: `to_table()` and `take_blobs` fail,
    ///   `the column at index … was missing a ColumnEncoding`, or panic,
    ///   ``called `Option::unwrap()` on a `None` value``.
    /// - The same from 2.1 on: they fail, `Expected struct data block for descriptions` or
    ///   `blob page layout is missing its inner layout`. Without layers they panic,
    ///   `index out of bounds: the len is 0 but the index is 0`.
    /// - Not marked: `scanner(blob_handling="all_binary")` panics in 2.0, where `take_blobs` still
    ///   works. From 2.1 on it fails, `Expected Struct, got LargeBinary`.
    /// - Packed structs of another make: `Packed struct row parsing did not consume full row`, or
    ///   `Packed struct variable child length prefix out of bounds`.
    ///
    /// ## How it comes about
    /// No released Lance writer is known to do this. The file was damaged, or another writer made
    /// it.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. Until then, read
    /// the other columns:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// Payloads of v1 blobs stand in the data file itself. Without descriptors nothing tells where
    /// each begins and ends.
    static INFO = Error "blob-descriptors-malformed", "a blob column's pages do not hold the descriptors that a blob reader needs";
}

/// See [`INFO`].
pub struct BlobDescriptorsMalformed;

impl Rule for BlobDescriptorsMalformed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let declared = view.field.blob();
        let wrong = |stored: &Storage| match stored {
            Storage::Malformed { .. } => true,
            Storage::UnmarkedV1 | Storage::PackedStruct => declared.is_some(),
            _ => false,
        };
        let Some((page, stored, _)) = pages_stored(view, wrong) else {
            return;
        };
        let path = &view.field.path;
        let start = |text: String| INFO.finding(text).column(path);
        let finding = match stored {
            Storage::Malformed { node, expected } => {
                let message = format!(
                    "column `{path}` is marked as blobs, but its pages do not hold blob descriptors"
                );
                let finding = with_page(start(message), view, page, node, expected);
                malformed_effect(finding, view, page)
            }
            Storage::UnmarkedV1 => {
                let expected = match view.version {
                    FileVersion::V2_0 => "a blob column encoding around these descriptors",
                    _ => "a blob layout around these descriptors",
                };
                let message = format!(
                    "column `{path}` holds blob descriptors that nothing in the file marks as blobs"
                );
                let finding = with_page(start(message), view, page, Vec::new(), expected);
                match view.version {
                    FileVersion::V2_0 => finding.reader(
                        "scanner(blob_handling=\"all_binary\")",
                        "panics: called `Option::unwrap()` on a `None` value (physical.rs:115); \
                         take_blobs still works",
                    ),
                    _ => finding.reader(
                        "scanner(blob_handling=\"all_binary\")",
                        "fails: Expected Struct, got LargeBinary",
                    ),
                }
            }
            _ => {
                let declared = declared.unwrap_or(BlobDeclaration::V2);
                let message = format!(
                    "column `{path}` is declared a blob, but the packed structs in its pages are no \
                     blob descriptors"
                );
                with_page(
                    start(message),
                    view,
                    page,
                    Vec::new(),
                    descriptors(declared),
                )
                .reader(
                    format!("to_table() and take_blobs({path:?}, …)"),
                    "fail: Packed struct row parsing did not consume full row, or: Packed struct \
                     variable child length prefix out of bounds",
                )
            }
        };
        findings.add(
            finding
                .cause("no released Lance writer stores blobs so: the file was damaged or made by another writer")
                .help("restore the file from a copy or write the column again from its source"),
        );
    }
}

fn malformed_effect(finding: Finding, view: &ColumnView<'_>, page: usize) -> Finding {
    let root = view
        .column
        .pages
        .get(page)
        .and_then(|page| page.encoding.as_ref().ok());
    let all = format!("to_table() and take_blobs({:?}, …)", view.field.path);
    if view.version == FileVersion::V2_0 {
        return finding.reader(
            all,
            "fail: the column at index N was missing a ColumnEncoding, or panic: called \
             `Option::unwrap()` on a `None` value (decoder.rs:886)",
        );
    }
    let no_layers = root.is_some_and(|encoding| {
        matches!(&encoding.root.kind,
            crate::model::encoding::Kind::BlobLayout { layers } if layers.is_empty())
    });
    if no_layers {
        return finding.reader(
            all,
            "panic: index out of bounds: the len is 0 but the index is 0",
        );
    }
    finding.reader(
        all,
        "fail: Expected struct data block for descriptions, or: blob page layout is missing its \
         inner layout",
    )
}
