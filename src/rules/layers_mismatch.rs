//! # layers-mismatch
//!
//! From 2.1 on a page says which structural layers its values are nested in: one item layer for
//! the leaf, then an item layer for each struct and a list layer for each list around it. Here
//! they are not those of the field, or the repetition and definition levels that they need are
//! not stored, or are stored and not needed. Readers rebuild lists and nulls from the layers: they
//! panic in `repdef.rs`, or return lists and nulls in wrong places.
//!
//! It comes about when the nesting of a field was changed in the schema after the data was
//! written, and when metadata is damaged.

use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::typing::About;

static INFO: RuleInfo = RuleInfo {
    id: "layers-mismatch",
    severity: Severity::Error,
    summary: "a page's structural layers are not those of the field's nesting",
};

/// See the module.
pub struct LayersMismatch;

impl Rule for LayersMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, About::Layers) {
            let path = &view.field.path;
            let message = format!(
                "pages of column `{path}` have {} instead of {}",
                fault.complaint.found, fault.complaint.expected
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.mend(view.restore_mend()));
        }
    }
}
