//! What the rules about pages share: how a fault of a page becomes a finding.

use super::ColumnView;
use crate::finding::{EncodingLabel, Finding, RuleInfo};
use crate::typecheck::TypeErrorKind;
use crate::typecheck::pages::PageFault;

/// The faults of a column's pages that are about one thing.
pub fn about<'a>(
    view: &'a ColumnView<'_>,
    about: TypeErrorKind,
) -> impl Iterator<Item = &'a PageFault> {
    let faults = view.faults.iter();
    faults.filter(move |fault| fault.complaint.about == about)
}

/// Starts a finding about a page, with its place, what was found and expected, the node marked
/// and what a reader does.
pub fn finding(
    rule: &'static RuleInfo,
    view: &ColumnView<'_>,
    fault: &PageFault,
    message: String,
) -> Finding {
    let complaint = &fault.complaint;
    let mut place = view.page_place(fault.page);
    place.detail = Some(format!(
        "{} instead of {}",
        complaint.found, complaint.expected
    ));
    let finding = rule
        .finding(message)
        .column(&view.field.path)
        .at(place)
        .instead(complaint.expected.clone(), complaint.found.clone())
        .reader("to_table()", complaint.effect.clone());
    let page = view.column.pages.get(fault.page);
    match page.and_then(|page| page.encoding.as_ref().ok()) {
        Some(encoding) => finding.tree(EncodingLabel {
            encoding: encoding.clone(),
            node: complaint.node.clone(),
            note: format!("expected {}", complaint.expected),
        }),
        None => finding,
    }
}
