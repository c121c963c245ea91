use super::{ColumnView, ColumnsView, FileView, Rule};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::format::{Fault, Part};
use crate::model::version::FileVersion;
use crate::typecheck::legacy::Whole;

rule! {
    /// Part of a data file's metadata cannot be read: a table, the file's own schema, or the
    /// metadata of a column. lance-lint read the rest and lists it.
    ///
    /// ## What readers do
    /// `to_table()` fails on the whole file, mostly without a name of column or file:
    ///
    /// - The table of global buffers: `Global buffer … is outside file of size …`.
    /// - The file's own schema: `failed to decode Protobuf message`, or
    ///   `Global buffer 0 range … is outside file of size …`.
    /// - The metadata of a column: `failed to decode Protobuf message`.
    /// - The table of column metadata: a read of all columns may still work. A read of a few of
    ///   many panics with `range start must not be greater than end`, then fails with
    ///   `Lance reader producer terminated before end of stream`.
    ///
    /// - The page table of a 0.1 file: returns other bytes as values **silently**, or fails:
    ///   `PlainDecoder: request([0..20]) out of range: [0..0]`, or `failed to fill whole buffer`.
    ///
    /// - The statistics of a 0.1 file: fails, or panics with
    ///   ``called `Option::unwrap()` on a `None` value``.
    ///
    /// ## How it comes about
    /// The file was damaged after it was written, in storage or on the way. The finding gives the
    /// bytes, and what does not decode.
    ///
    /// ## How to fix it
    /// Restore the file from a copy.
    ///
    /// Or go back to a version that does not name the file. What was committed since is left
    /// behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// A file of a version that lance-lint does not know may arrange its metadata in another way,
    /// so it is not judged.
    static INFO = Error "file-metadata-corrupt", "part of a data file's metadata is damaged";
}

/// See [`INFO`].
pub struct FileMetadataCorrupt;

impl Rule for FileMetadataCorrupt {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let Ok(data) = view.state else { return };
        // A version that this build does not know may arrange its metadata in another way.
        if data.version.is_none() {
            return;
        }
        for fault in &data.faults {
            let mut place = view.place();
            place.column = fault.column;
            place.bytes = fault.range.clone();
            place.detail = Some(format!("it {}", fault.detail));
            let message = format!("the {} of a data file cannot be read", fault.part.name());
            let finding = finding(fault, message).at(place);
            // Of a 0.1 file in a dataset, readers take the schema from the manifest.
            let passed_over = fault.part == Part::FileSchema
                && data.version == Some(FileVersion::V0_1)
                && view.entry.is_some();
            findings.add(match passed_over {
                true => finding.severity(Severity::Warning),
                false => finding,
            });
        }
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in &view.column.faults {
            let mut place = view.place();
            place.bytes = fault.range.clone();
            place.detail = Some(fault.detail.clone());
            let path = &view.field.path;
            findings.add(
                finding(fault, format!("the metadata of column `{path}` is damaged"))
                    .column(path)
                    .at(place),
            );
        }
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        let found = match view.layout.and_then(|layout| layout.whole.as_ref()) {
            Some(Whole::NoTable) => "no position of a page table".to_string(),
            Some(Whole::Table { position, bad, all }) => format!(
                "at byte {position} a table of which {bad} of {all} entries lead to no page of \
                 their column"
            ),
            Some(Whole::Batch { .. } | Whole::Begin { .. }) | None => return,
        };
        findings.add(
            INFO.finding("the page table of a data file is not where its metadata says")
                .at(view.file.place())
                .instead("a page table behind the last page", found)
                .reader(
                    "to_table()",
                    "returns other bytes as values silently, or fails: PlainDecoder: request([…]) \
                     out of range: […], or: failed to fill whole buffer",
                )
                .help("restore the file from a copy"),
        );
    }
}

fn finding(fault: &Fault, message: String) -> crate::finding::Finding {
    let effect = match fault.part {
        Part::GlobalBufferTable => "fails: Global buffer … is outside file of size …",
        Part::FileSchema => {
            "fails: failed to decode Protobuf message, or: Global buffer 0 range … is outside file of \
             size …"
        }
        Part::ColumnMetadataTable => {
            "may still read all columns; reading a few of many panics: range start must not be greater \
             than end, then fails: Lance reader producer terminated before end of stream"
        }
        Part::ColumnMetadata => "fails: failed to decode Protobuf message",
        Part::Statistics => {
            "fails: failed to fill whole buffer, or panics: called `Option::unwrap()` on a `None` value"
        }
        Part::PageTable | Part::Footer | Part::Manifest => "fails",
    };
    INFO.finding(message)
        .instead("metadata that decodes", "metadata that does not")
        .reader("to_table()", effect)
        .help("restore the file from a copy")
}
