use super::{ColumnsView, Rule};
use crate::finding::{Findings, RuleInfo};

rule! {
    /// Two pages of a data file are said to have buffers in the same bytes. No writer lays pages over
    /// each other, so one of the two is not where its metadata says, and its reader returns the values
    /// of the other **without a word**, or fails on them.
    ///
    /// It comes about when metadata is damaged or edited.
    static INFO = Error "page-buffers-shared", "two pages of a data file are said to be in the same bytes";
}

/// See [`INFO`].
pub struct PageBuffersShared;

impl Rule for PageBuffersShared {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        for ((one, one_page), (other, other_page)) in view.shared {
            let (Some(one), Some(other)) = (view.laid.get(*one), view.laid.get(*other)) else {
                continue;
            };
            let (Some(field), Some(beside)) = (view.field(other), view.field(one)) else {
                continue;
            };
            let path = &field.path;
            let mut place = view.place(other.index);
            place.page = u64::try_from(*other_page).ok();
            findings.add(
                INFO.finding(format!(
                    "a page of column `{path}` shares bytes with another page"
                ))
                .column(path)
                .at(place)
                .instead(
                    "buffers of its own",
                    format!("bytes of page {one_page} of column `{}`", beside.path),
                )
                .reader(
                    "to_table()",
                    "returns the values of the other page without a word, or fails",
                )
                .mend("restore the file from a copy, or write the column again from its source"),
            );
        }
    }
}
