use super::fixes::{self, Change};
use super::{ColumnsView, Rule};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;
use crate::typecheck::Mismatch;
use crate::typecheck::schemas::{Difference, Reading, reading};

rule! {
    /// The manifest says that a field is of one type, and the data file's own schema says that it
    /// was written as another.
    ///
    /// ## What readers do
    /// Readers take the manifest's word:
    ///
    /// - Both types have values of one width, or the written ones are wider: `to_table()`
    ///   **returns wrong values silently**. An int32 of 70001 read as float is 9.8e-41.
    /// - The written ones are narrower:
    ///   `Need at least … bytes in buffers[0] in array of type …, but got …`.
    /// - String against number, plain against list or struct: reads fail or panic. The finding
    ///   gives the words, such as `Expected 2 buffers in array of type …, got 1`.
    /// - A string and a large string from 2.1 on: `expected …-bit offsets but got …-bit offsets`.
    ///
    /// A type that gives the same bytes another meaning, such as bytes read as a string, is a
    /// warning.
    ///
    /// ## How it comes about
    /// A schema with other types was committed over existing files (`LanceOperation.Overwrite`),
    /// which Lance does not check. A fragment that was written with a schema of other ids and
    /// appended can be so, too (lance-format/lance#7146). `alter_columns` does it right, since it
    /// writes the column again.
    ///
    /// ## How to fix it
    /// Commit the type that was written, and cast it with `alter_columns` then. The finding
    /// prints the commit for the dataset at hand. It keeps all field ids, so that no other
    /// column, deleted row or index is touched; no data is rewritten. An index on the column
    /// itself must be built again.
    ///
    /// ## When it is silent
    /// Types that read alike are no fault: string and binary, list and large list, string and
    /// large string in 2.0, a dictionary as its values from 2.1 on. Files of 0.1 are not compared.
    static INFO = Error "field-type-changed", "a field has another type in the manifest than in the data file";
}

/// See [`INFO`].
pub struct FieldTypeChanged;

impl Rule for FieldTypeChanged {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        if view.version == FileVersion::V0_1 {
            return;
        }
        for difference in view.differences {
            let Difference::Type { at, in_file } = difference else {
                continue;
            };
            let file_schema = view.data.schema.as_deref();
            let Some(written) = file_schema.and_then(|schema| schema.fields.get(*in_file)) else {
                continue;
            };
            let (Some(read), Some(laid)) = (view.schema.fields.get(*at), view.holder(*at)) else {
                continue;
            };
            let path = &read.path;
            let (from, to) = (&written.type_text, &read.type_text);
            let message = format!("column `{path}` was written as {from} and is read as {to}");
            let finding = INFO
                .finding(message)
                .column(path)
                .at(view.place(laid.index))
                .instead(from.clone(), to.clone());
            let finding = match reading(view.version, written, read) {
                Reading::Same => continue,
                Reading::Alike => finding.severity(Severity::Warning).reader(
                    "to_table()",
                    "returns the bytes as written under the other type",
                ),
                Reading::Wrong(Mismatch::Silent) => {
                    finding.reader("to_table()", "returns wrong values silently")
                }
                Reading::Wrong(misfit) => finding.reader("to_table()", misfit.effect()),
            };
            let committed = view.file.snapshot.and_then(|snapshot| {
                let why = format!("commit `{path}` as the {from} that was written");
                fixes::commit_fields(&why, snapshot, &[(read, Change::Plain(from))])
            });
            findings.add(
                finding
                    .cause(
                        "the manifest's schema and the data file's own differ: a schema of other types \
                         was committed over the file",
                    )
                    .help(committed.unwrap_or_else(|| {
                        "no safe way by public calls for a type with children: write the column again \
                         from its source"
                            .into()
                    })),
            );
        }
    }
}
