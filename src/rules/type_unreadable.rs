use super::{ColumnView, Rule, mends};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree};
use crate::model::version::FileVersion;

rule! {
    /// A field is of a type that the readers of the file's version cannot decode at all, whatever its
    /// pages hold: some such types Lance writes without a complaint and cannot read back. In 2.0
    /// these are fixed-size lists of structs or of strings, maps, and packed structs with a child
    /// whose size is not fixed (a string, a list, another struct, a dictionary, a boolean). In 0.1
    /// they are lists whose item is not called "item", is required or has metadata, fixed-size lists of
    /// booleans (of which only take() fails), dictionaries that are required or empty, and structs without fields.
    ///
    /// In any version a string tagged as `arrow.json`, as Lance up to 0.32 wrote JSON, is taken for the
    /// binary JSON of later releases.
    ///
    /// The other columns can be read. The values are there, but no release of Lance reads them.
    static INFO = Error "type-unreadable", "a field is of a type that readers of the file's version cannot decode";
}

/// See [`INFO`].
pub struct TypeUnreadable;

impl Rule for TypeUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let found = match view.version {
            _ if is_tagged_text(view.field) => Some((
                "a string tagged as arrow.json, which today's Lance takes for binary JSON"
                    .to_string(),
                "fails: Attempt to project field by different types: Utf8 and LargeBinary",
            )),
            FileVersion::V0_1 => unreadable_in_0_1(view),
            FileVersion::V2_0 if !view.column.pages.is_empty() => {
                unreadable_in_2_0(view.schema, view.field)
            }
            _ => None,
        };
        let Some((what, effect)) = found else { return };
        let version = view.version;
        let path = &view.field.path;
        let finding = INFO
            .finding(format!(
                "column `{path}` is {what}, which no reader of {version} can decode"
            ))
            .column(path)
            .at(view.place())
            .instead(
                format!("a type that {version} can hold"),
                view.field.type_text.clone(),
            )
            .reader("to_table()", effect)
            .cause(format!(
                "Lance writes this type as {version} and cannot read it back (14.0.2 still)"
            ));
        let finding = match effect {
            TAKE_PANICS => finding.severity(Severity::Warning),
            _ => finding,
        };
        if is_tagged_text(view.field) {
            findings.add(finding.mend(format!(
                "take the tag away, and it reads as the string it is (no data is rewritten):\n\
                 ds = lance.dataset(uri)\n\
                 ds.update_field_metadata({{{path:?}: {{}}}}, replace=True)"
            )));
            return;
        }
        findings.add(finding.mend(format!(
            "read the other columns, and write this one anew from its source as 2.2 or with another type:\n{}",
            mends::read_without(view.schema, view.field)
        )));
    }
}

/// Whether a field is the JSON of Lance before 0.33: a string that bears the Arrow extension.
fn is_tagged_text(field: &Field) -> bool {
    let text = matches!(field.logical_type, LogicalType::Variable { utf8: true, .. });
    text && field.extension.as_deref() == Some("arrow.json")
}

/// What a field is and what the reader of 2.0 does with it, when it cannot decode it
/// (lance-encoding `decoder.rs`, `create_array_field_scheduler`).
fn unreadable_in_2_0(schema: &FieldTree, field: &Field) -> Option<(String, &'static str)> {
    match &field.logical_type {
        LogicalType::FixedSizeListStruct => Some((
            "a fixed-size list of structs".to_string(),
            "panics: index out of bounds (lance-core field.rs), or: not yet implemented",
        )),
        LogicalType::Map => Some((
            "a map".to_string(),
            "panics: not yet implemented (decoder.rs)",
        )),
        LogicalType::FixedSizeList { item, .. } if !is_primitive(item) => Some((
            "a fixed-size list of values of varying length".to_string(),
            "panics: not yet implemented (decoder.rs)",
        )),
        LogicalType::Struct if field.packed() && field.blob().is_none() => {
            let mut children = field
                .children
                .iter()
                .filter_map(|at| schema.fields.get(*at));
            let child = children.find(|child| !has_stride(&child.logical_type))?;
            Some((
                format!(
                    "a packed struct with a child of type {} (`{}`)",
                    child.type_text, child.name
                ),
                "panics: Expecting fixed stride data type, found …",
            ))
        }
        _ => None,
    }
}

/// What the reader of 0.1 does with fixed-size lists of booleans, which it scans well.
const TAKE_PANICS: &str = "panics in take() of several rows: Expecting fixed stride data type, found \
                           FixedSizeList(…; a scan is right";

/// The same for 0.1 (lance-file `versions/v1/reader.rs`; seen with pylance 14.0.2).
fn unreadable_in_0_1(view: &ColumnView<'_>) -> Option<(String, &'static str)> {
    let field = view.field;
    let holds_rows = view.column.pages.iter().any(|page| page.rows > 0);
    match &field.logical_type {
        LogicalType::List => {
            let item = view.schema.fields.get(*field.children.first()?)?;
            let plain = item.name == "item" && item.nullable && item.metadata.is_empty();
            (!plain).then(|| {
                (
                    "a list whose item is required, has metadata or is not called item".to_string(),
                    "fails: column types must match schema types, expected List(… but found List(…",
                )
            })
        }
        LogicalType::FixedSizeList { item, .. } if **item == (LogicalType::Fixed { bits: 1 }) => {
            Some(("a fixed-size list of booleans".to_string(), TAKE_PANICS))
        }
        LogicalType::Dictionary { .. } if !field.nullable => Some((
            "a required dictionary".to_string(),
            "fails: Found unmasked nulls for non-nullable StructArray field …",
        )),
        LogicalType::Dictionary { .. } if holds_rows && field.legacy_dictionary == Some(0) => {
            Some((
                "a dictionary of no entries with rows that point into it".to_string(),
                "fails: Invalid dictionary key 0 at index 0, expected 0 <= key < 0",
            ))
        }
        LogicalType::Struct if field.children.is_empty() && field.blob().is_none() => Some((
            "a struct without fields".to_string(),
            "fails: all columns in a record batch must have the same length, or panics",
        )),
        _ => None,
    }
}

fn is_primitive(item: &LogicalType) -> bool {
    match item {
        LogicalType::Fixed { .. } | LogicalType::Null => true,
        LogicalType::FixedSizeList { item, .. } => is_primitive(item),
        LogicalType::Unknown => true,
        _ => false,
    }
}

/// Whether values of a type have a fixed number of bytes (lance-arrow, `byte_width`).
fn has_stride(logical_type: &LogicalType) -> bool {
    match logical_type {
        LogicalType::Fixed { bits } => *bits != 1,
        LogicalType::FixedSizeList { item, .. } => has_stride(item),
        LogicalType::Unknown => true,
        _ => false,
    }
}
