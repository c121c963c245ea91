use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// The encoding of a page is one that no reader can run: a codec stands where readers do not take
    /// it, its parameters are impossible, or it belongs to another file version. Readers build a
    /// decoder from this tree before they look at any value, so the column fails as a whole, and from
    /// 2.1 on mostly the whole file with it.
    ///
    /// It comes about when metadata is damaged, when a writer other than Lance's own has a bug, and
    /// when Lance writes what it cannot read back: packed structs with a boolean child (2.1 and 2.2,
    /// up to 14.0.2 at least).
    static INFO = Error "encoding-malformed", "a page's encoding is one that no reader can run";
}

/// See [`INFO`].
pub struct EncodingMalformed;

impl Rule for EncodingMalformed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, About::Grammar) {
            let found = &fault.complaint.found;
            let path = &view.field.path;
            let message = format!(
                "the encoding of column `{path}` is one that no reader can run: it has {found}"
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.mend(view.restore_mend()));
        }
    }
}
