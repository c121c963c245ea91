use super::{ColumnView, DatasetView, Rule};
use crate::finding::{Findings, Place, RuleInfo};
use crate::format::wire::UnknownField;

rule! {
    /// A protobuf message holds a field that this build of lance-lint does not know (it knows Lance
    /// up to 14.0.2). That is normal for files of a newer Lance and no fault; but what the field
    /// means is not checked.
    static INFO = Info "unknown-to-this-build", "a message holds a field newer than this build of lance-lint";
}

/// See [`INFO`].
pub struct UnknownToThisBuild;

impl Rule for UnknownToThisBuild {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        for unknown in &snapshot.manifest.unknown {
            findings.add(finding(unknown, "manifest").at(Place {
                file: Some(snapshot.entry.path.clone()),
                ..Place::default()
            }));
        }
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for unknown in view.data.unknown_column_fields(view.index) {
            findings.add(finding(&unknown, "column metadata").at(view.place()));
        }
        for (at, page) in view.column.pages.iter().enumerate() {
            let Ok(encoding) = &page.encoding else {
                continue;
            };
            for unknown in &encoding.unknown {
                findings.add(finding(unknown, "page encoding").at(view.page_place(at)));
            }
        }
    }
}

fn finding(unknown: &UnknownField, what: &str) -> crate::finding::Finding {
    let parent = match unknown.parent.as_str() {
        "" => String::new(),
        parent => format!(" of {parent}"),
    };
    INFO.finding(format!(
        "field {}{parent} in the {what} is unknown to this version of lance-lint (it knows Lance up \
         to 14.0.2); what it means is not checked",
        unknown.number
    ))
}
