use super::{ColumnsView, Rule, mends};
use crate::finding::{Finding, Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;

rule! {
    /// The manifest counts other rows in a fragment than its data file holds. Readers ask the file
    /// for as many as the manifest says: too many fail ("cannot read Ranges … from columns with …
    /// rows"), too few leave rows out **without a word**.
    ///
    /// It comes about when a data file is replaced by another, and when fragments are registered with
    /// a row count that was not taken from the file.
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
        let Some(first) = first.filter(|first| *first != fragment.physical_rows) else {
            return;
        };
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
            false => format!("leaves out {} rows without a word", real - stated),
        };
        findings.add(
            INFO.finding("the manifest counts other rows in a fragment than its data file holds")
                .at(view.file.place())
                .instead(format!("{stated} rows, as the manifest says"), format!("{real} rows"))
                .reader("to_table()", effect)
                .cause("the file was replaced by another, or its writer registered it wrongly")
                .mend("restore the file that was committed from a copy, or register it anew with the right row count"),
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
        .mend(mends::COMMIT_NOTHING)
}
