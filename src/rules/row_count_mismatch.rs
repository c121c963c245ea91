use super::{ColumnsView, Rule, fixes};
use crate::finding::{Finding, Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;

rule! {
    /// The manifest counts other rows in a fragment than its data file holds.
    ///
    /// ## What readers do
    /// Readers ask the file for as many rows as the manifest says.
    ///
    /// - Too many: `to_table()` fails, `cannot read Ranges([0..5]) from columns with 3 rows`.
    /// - Too few: `to_table()` leaves rows out **silently**.
    ///
    /// `count_rows()` is wrong in both cases. `validate()` fails:
    /// `Fragment metadata has incorrect physical_rows`.
    ///
    /// If the manifest does not name its writer either, this is a warning. Readers since 0.8.1 do
    /// not trust such a count, look into the file and read it right. `count_rows()` and deletes of
    /// Lance 0.8.0 go by the wrong count.
    ///
    /// A 2.x file states its rows in its own descriptor, too. If that count alone is another, it
    /// is a warning: only `validate()` looks at it, and fails as above.
    ///
    /// ## How it comes about
    /// - A data file was replaced by another.
    /// - A fragment was registered with a row count that was not taken from its file.
    /// - Lance 0.8.0 appended to a dataset of an older release. It wrote the count of the rows
    ///   that were left, without the deleted ones (lance-format/lance#1531).
    ///
    /// ## How to fix it
    /// Restore the file that was committed from a copy. Or register it again with the right count.
    /// Or go back to a version that is right, without what was committed since:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// For the count of Lance 0.8.0, any commit of a current release puts it right:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// ## When it is silent
    /// The first Lance releases wrote no count, which stands as 0. Columns that differ among
    /// themselves are `column-lengths-differ`.
    static INFO = Error "row-count-mismatch", "the manifest counts other rows in a fragment than its data file holds";
}

/// See [`INFO`].
pub struct RowCountMismatch;

impl Rule for RowCountMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        let (Some(snapshot), Some(fragment)) = (view.file.snapshot, view.file.fragment) else {
            return;
        };
        // The first Lance releases left the count to the files.
        if fragment.physical_rows == 0 {
            return;
        }
        let first = match view.version {
            // Its columns may have more pages than they have rows of their own.
            FileVersion::V0_1 => view.data.rows,
            _ => {
                let mut tops = view.top_rows();
                let first = tops.next().map(|(_, rows, _)| rows);
                // Columns that do not agree among themselves have a rule of their own.
                first.filter(|first| tops.all(|(_, rows, _)| rows == *first))
            }
        };
        let Some(first) = first else { return };
        if first == fragment.physical_rows {
            if let Some(finding) = descriptor(view, first) {
                findings.add(finding);
            }
            return;
        }
        // Readers since 0.8.1 do not trust a count without the name of the writer.
        if snapshot.writer().is_none() {
            findings.add(untrusted(fragment.physical_rows, first).at(view.file.place()));
            return;
        }
        let (stated, real) = (fragment.physical_rows, first);
        let effect = match stated > real {
            true => {
                format!("fails: cannot read Ranges([0..{stated}]) from columns with {real} rows")
            }
            false => format!("leaves out {} rows silently", real - stated),
        };
        findings.add(
            INFO.finding("the manifest counts other rows in a fragment than its data file holds")
                .at(view.file.place())
                .instead(format!("{stated} rows, as the manifest says"), format!("{real} rows"))
                .reader("to_table()", effect)
                .cause("the file was replaced by another, or its writer registered it wrongly")
                .help("restore the file that was committed from a copy, or register it again with the right row count"),
        );
    }
}

/// A count that Lance 0.8.0 took over when it first wrote to a dataset of an older release: that of
/// the rows that were left.
fn untrusted(stated: u64, real: u64) -> Finding {
    INFO.finding("the manifest counts other rows in a fragment than its data file holds, and does not name its writer")
        .severity(Severity::Warning)
        .instead(format!("{stated} rows, as the manifest says"), format!("{real} rows"))
        .reader(
            "count_rows() and deletes of Lance 0.8.0",
            "go by the wrong count; today's readers look into the file, and validate() fails: incorrect \
             physical_rows",
        )
        .cause("Lance 0.8.0 wrote the count when it appended to a dataset of an older release, without the deleted rows")
        .help(fixes::COMMIT_NOTHING)
}

/// A 2.x file whose descriptor counts other rows than its pages, which are those that the manifest
/// states. Only `validate()` looks at it.
fn descriptor(view: &ColumnsView<'_>, real: u64) -> Option<Finding> {
    let stated = view.data.rows.filter(|stated| *stated != real)?;
    if view.version == FileVersion::V0_1 {
        return None;
    }
    Some(
        INFO.finding("the descriptor of a data file counts other rows than its pages")
            .severity(Severity::Warning)
            .at(view.file.place())
            .instead(
                format!("{real} rows, as its pages and the manifest say"),
                format!("{stated} rows"),
            )
            .reader(
                "validate()",
                format!(
                    "fails: Fragment metadata has incorrect physical_rows. Actual: {stated} Metadata: {real}"
                ),
            )
            .reader("to_table()", "goes by the pages and reads it right")
            .help("restore the file from a copy"),
    )
}
