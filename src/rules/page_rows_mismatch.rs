use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// A page counts other rows than its encoding counts items, though the column has no lists in
    /// which they could differ. Readers decode as many values as the one says and hand out as many
    /// rows as the other, so they fail or panic.
    ///
    /// It comes about when metadata is damaged, and when a tool joins or splits pages and corrects
    /// only one of the two counts.
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
