use super::{ColumnsView, Rule};
use crate::finding::{Findings, RuleInfo};

rule! {
    /// Two pages of a data file are said to have buffers in the same bytes. No writer lays pages
    /// over each other, so one of the two is not where its metadata says.
    ///
    /// ## What readers do
    /// `to_table()` returns the values of the other page **silently**, or fails on them.
    /// With two pages of one type and length nothing fails: column `b` shows the values of column
    /// `a`. `validate()` reads no page and passes.
    ///
    /// ## How it comes about
    /// The file's metadata was damaged or edited. In the tests an offset was changed, and a page
    /// was listed twice.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. Until then, do not
    /// trust the column that the finding names, nor the one that it shares bytes with. Read the
    /// others:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n not in ("column", "other")])
    /// ```
    ///
    /// Or go back to a version that does not name the file. What was committed since is left
    /// behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// Where the pages have a greater fault that explains it, such as counts of rows or buffers
    /// that do not fit, only that one is reported.
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
                    "returns the values of the other page silently, or fails",
                )
                .help("restore the file from a copy, or write the column again from its source"),
            );
        }
    }
}
