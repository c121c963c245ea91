use super::{ColumnView, DatasetView, Rule};
use crate::finding::{Findings, Place, RuleInfo};
use crate::format::encoding::EnvelopeFault;
use crate::format::wire::UnknownField;
use crate::model::data_file::Column;
use crate::model::encoding::{EncodingFault, EncodingResult};

rule! {
    /// A protobuf message of the manifest, of a column's metadata or of a page's encoding holds a
    /// field that this build of lance-lint does not know. It knows Lance up to 14.0.2.
    ///
    /// ## What readers do
    /// A reader that does not know the field passes over it, and reads the rest. pylance 14.0.2
    /// read datasets with one more field in each of these places and gave the right values. If the
    /// field stands in the place of something that a reader needs, such as the layout of a page,
    /// it fails: `… page is missing its page layout`.
    ///
    /// ## How it comes about
    /// A newer Lance wrote it. That is normal, and no fault. What the field means is not checked
    /// by lance-lint.
    ///
    /// ## How to fix it
    /// Nothing needs to be fixed. Check the dataset with a newer lance-lint, which may know the
    /// field. Until then, silence about that page or manifest says less than it does elsewhere.
    ///
    /// It may be left alone where a gate should pass: it is an info.
    ///
    /// ## When it is silent
    /// In a message that does not decode, unknown fields are damage. Only the damage is reported.
    static INFO = Info "unknown-protobuf-field", "a message holds a field newer than this build of lance-lint";
}

/// See [`INFO`].
pub struct UnknownProtobufField;

impl Rule for UnknownProtobufField {
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
        if is_damaged(view.column) {
            return;
        }
        for unknown in &view.column.unknown {
            findings.add(finding(unknown, "column metadata").at(view.place()));
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

/// Whether the metadata of a column does not decode: what is unknown in it is damage then, and not
/// something newer.
fn is_damaged(column: &Column) -> bool {
    let undecodable = |encoding: &EncodingResult| match encoding {
        Ok(_) => false,
        Err(fault) => matches!(
            **fault,
            EncodingFault::Undecodable { .. } | EncodingFault::Envelope(EnvelopeFault::NotAny(_))
        ),
    };
    let (offsets, sizes) = column.buffer_counts;
    !column.faults.is_empty()
        || offsets != sizes
        || undecodable(&column.encoding)
        || column.pages.iter().any(|page| {
            let (offsets, sizes) = page.buffer_counts;
            offsets != sizes || undecodable(&page.encoding)
        })
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
