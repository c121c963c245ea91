use super::fixes::{self, Change};
use super::{ColumnView, Rule, page};
use crate::finding::{Findings, Remedy, RuleInfo};
use crate::model::logical_type::LogicalType;
use crate::model::version::FileVersion;
use crate::typecheck::pages::PageFault;
use crate::typecheck::want::ExpectedType;
use crate::typecheck::{StoredType, TypeErrorKind, misfit};

rule! {
    /// The pages of a column yield another type than its field has. They hold wider or narrower
    /// values, values of varying length for a fixed width or the other way round, a dictionary
    /// where the field is none, or lists of another length.
    ///
    /// ## What readers do
    /// Readers check no more than that there are enough bytes:
    ///
    /// - Values stored too wide, or lists too long, are **returned wrong silently**.
    /// - Values stored too narrow:
    ///   `Need at least … bytes in buffers[0] in array of type …, but got …`.
    /// - Strings under a number:
    ///   `invalid variable-width layout for …: … Expected … buffers in array of type …`.
    /// - Numbers under a string: `Expected 2 buffers in array of type …, got 1`.
    /// - Offsets of another width: `expected …-bit offsets but got …-bit offsets`.
    /// - Structs: `Expected Struct, got …`. Dictionaries:
    ///   `… should contain 1 child data array(s), had 0`.
    /// - Fixed-size lists that are too short: `Values length … is less than the length …`.
    ///
    /// ## How it comes about
    /// - A schema was committed over files of other types.
    /// - A data file was registered with columns in another order than it has.
    /// - JSON inside structs and lists was written as text by Lance before 8.0
    ///   (lance-format/lance#7015), and whole JSON columns by `LanceFileWriter` before 13.0
    ///   (lance-format/lance#9389).
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or commit the schema that it was written with. An older
    /// version of the dataset may still have it. Else write the column again from its source.
    /// Until then, read the other columns:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// ## When it is silent
    /// If the file's own schema has another type or order too, that is the root, and
    /// `field-type-changed` or `fields-swapped` speaks.
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
        // Nothing else compares the types of 0.1 files.
        if view.differs && view.version != FileVersion::V0_1 {
            return;
        }
        for fault in page::about(view, TypeErrorKind::Type) {
            let path = &view.field.path;
            let message = format!(
                "column `{path}` is {}, which needs {}, but its pages hold {}",
                view.field.type_text, fault.complaint.expected, fault.complaint.found
            );
            let finding = page::finding(&INFO, view, fault, message);
            findings.add(finding.help(match wider_keys(view, fault) {
                Some(help) => help,
                None => view.restore_mend(),
            }));
        }
    }
}

/// The type of the indices that are stored, where that is all that a dictionary field needs and all of
/// its pages have them. Writers stored 32 bits under an 8-bit key type (lance issue 8217).
fn wider_keys(view: &ColumnView<'_>, fault: &PageFault) -> Option<Remedy> {
    let StoredType::Dictionary { indices, .. } = &fault.shape else {
        return None;
    };
    let StoredType::Fixed(bits @ (16 | 32 | 64)) = **indices else {
        return None;
    };
    let text = view.field.type_text.strip_prefix("dict:")?;
    let (value, rest) = text.split_once(':')?;
    let (key, ordered) = rest.split_once(':')?;
    let sign = if key.starts_with('u') { "u" } else { "" };
    let stored = format!("dict:{value}:{sign}int{bits}:{ordered}");
    let want = ExpectedType::of_type(&LogicalType::parse(&stored));
    let alike = view
        .faults
        .iter()
        .filter(|other| other.shape == fault.shape);
    if misfit(&want, &fault.shape, false).is_some() || alike.count() < view.column.pages.len() {
        return None;
    }
    fixes::commit_fields(
        &format!("commit the key type that is stored, {sign}int{bits}; all values come back"),
        view.file.snapshot?,
        &[(view.field, Change::Plain(&stored))],
    )
}
