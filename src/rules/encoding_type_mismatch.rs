use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// The pages of a column yield another type than its field has: wider or narrower values, values
    /// of varying length for a fixed-width field or the other way round, a dictionary where the field
    /// is none, lists of another length. Readers check no more than that there are enough bytes: values
    /// stored too narrow fail ("Need at least … bytes in buffers[0]"), values stored too wide are
    /// **returned wrong without a word**.
    ///
    /// It comes about when a schema is committed over files of other types, and when a data file is
    /// registered with columns in another order than it has.
    static INFO = Error "encoding-type-mismatch", "a column's pages yield another type than its field has";
}

/// See [`INFO`].
pub struct EncodingTypeMismatch;

impl Rule for EncodingTypeMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        // A type or order that was changed in the manifest is the root of it.
        if view.differs {
            return;
        }
        for fault in page::about(view, About::Type) {
            let path = &view.field.path;
            let message = format!(
                "column `{path}` is {}, which needs {}, but its pages hold {}",
                view.field.type_text, fault.complaint.expected, fault.complaint.found
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.mend(view.restore_mend()));
        }
    }
}
