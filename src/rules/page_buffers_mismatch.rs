use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// The buffers of a page are not those that its encoding reads: too few or too many, too small
    /// for the rows, at an offset that readers refuse, or beyond the data. What readers do depends on
    /// the version: those of 2.1 and later check counts and alignment and fail or panic; those of 2.0
    /// read past the end of a buffer into whatever stands there, and return it as values.
    ///
    /// It comes about when metadata is damaged or edited, and when a tool copies pages without
    /// copying what describes them.
    static INFO = Error "page-buffers-mismatch", "a page's buffers are not those that its encoding reads";
}

/// See [`INFO`].
pub struct PageBuffersMismatch;

impl Rule for PageBuffersMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let (offsets, sizes) = view.column.buffer_counts;
        if offsets != sizes {
            let path = &view.field.path;
            findings.add(
                INFO.finding(format!(
                    "column `{path}` has buffers of its own without a size or an offset"
                ))
                .column(path)
                .at(view.place())
                .instead(
                    "one size for each offset",
                    format!("{offsets} offsets beside {sizes} sizes"),
                )
                .reader(
                    "to_table()",
                    format!(
                        "fails: Column … has {offsets} buffer offsets but {sizes} buffer sizes"
                    ),
                )
                .mend(view.restore_mend()),
            );
        }
        for fault in page::about(view, About::Buffers).chain(page::about(view, About::Unread)) {
            let path = &view.field.path;
            let message =
                format!("the buffers of column `{path}` are not those that its encoding reads");
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.mend(view.restore_mend()));
        }
    }
}
