//! # row-count-mismatch
//!
//! The manifest counts other rows in a fragment than its data file holds. Readers ask the file
//! for as many as the manifest says: too many fail ("cannot read Ranges … from columns with …
//! rows"), too few leave rows out **without a word**.
//!
//! It comes about when a data file is replaced by another, and when fragments are registered with
//! a row count that was not taken from the file.

use super::{ColumnsView, Rule};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;

static INFO: RuleInfo = RuleInfo {
    id: "row-count-mismatch",
    severity: Severity::Error,
    summary: "the manifest counts other rows in a fragment than its data file holds",
};

/// See the module.
pub struct RowCountMismatch;

impl Rule for RowCountMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        let (Some(snapshot), Some(fragment)) = (view.file.snapshot, view.file.fragment) else {
            return;
        };
        // The first Lance releases wrote wrong counts or none, and readers know it by the missing
        // name of the writer.
        if fragment.physical_rows == 0
            || snapshot.writer().is_none()
            || view.version == FileVersion::V0_1
        {
            return;
        }
        let mut tops = view.top_rows();
        let Some((_, first, _)) = tops.next() else {
            return;
        };
        // Columns that do not agree among themselves have a rule of their own.
        if tops.any(|(_, rows, _)| rows != first) || first == fragment.physical_rows {
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
