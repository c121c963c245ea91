use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// A page counts other rows than its encoding counts items, though the column has no lists in
    /// which they could differ. Here belongs, too, a struct of 2.0 whose own column has more than
    /// one page.
    ///
    /// ## What readers do
    /// Readers decode as many values as the one count says, and hand out as many rows as the other.
    /// So they fail or panic:
    ///
    /// - `… buffer has … bytes, expected …`
    /// - `Sparse structural … positions cardinality … exceeds domain …` (2.3)
    /// - `Sparse encoded row domain … is not divisible by fixed-size-list scale …` (2.3)
    /// - `Due to schema we expected a struct column but we received a column with … pages and right
    ///   now we only support struct columns with 1 page` (a panic of 2.0)
    ///
    /// ## How it comes about
    /// - The file's metadata was damaged.
    /// - A tool joined or split pages, and corrected only one of the two counts.
    ///
    /// ## How to mend it
    /// Restore the file from a copy, or write the column again from its source. Until then, read
    /// the other columns:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// ## When it is silent
    /// Rows and items differ rightly in lists, and in fixed-size lists of structs. If the encoding
    /// itself cannot be run, `encoding-malformed` speaks alone.
    static INFO = Error "page-rows-mismatch", "a page counts other rows than its encoding counts items";
}

/// See [`INFO`].
pub struct PageRowsMismatch;

impl Rule for PageRowsMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, About::Rows) {
            let path = &view.field.path;
            let message =
                format!("a page of column `{path}` counts other rows than its encoding does");
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.mend(view.restore_mend()));
        }
    }
}
