use super::{ColumnView, Rule, fixes};
use crate::finding::{Findings, Remedy, RuleInfo, Severity};
use crate::model::logical_type::LogicalType;
use crate::model::schema::{EXTENSION_KEY, Field, FieldTree};
use crate::model::version::FileVersion;

rule! {
    /// A field is of a type that readers of the file's version cannot decode at all, whatever its
    /// pages hold. The other columns can be read.
    ///
    /// ## What readers do
    /// In 2.0:
    ///
    /// - Fixed-size lists of structs: panics, `index out of bounds` or `not yet implemented`.
    /// - Fixed-size lists of strings, and maps: panics, `not yet implemented`.
    /// - Packed structs with a child of no fixed size (string, list, struct, dictionary, boolean):
    ///   panics, `Expecting fixed stride data type, found …`.
    ///
    /// In 0.1:
    ///
    /// - Lists whose item is required, has metadata or is not called item: fails,
    ///   `column types must match schema types`.
    /// - Required dictionaries: fails, `Found unmasked nulls …`. Empty ones: fails,
    ///   `Invalid dictionary key 0 …`.
    /// - Structs without fields: fails, `all columns in a record batch must have the same length`,
    ///   or panics.
    /// - Fixed-size lists of booleans (a warning): a scan is right, and `take()` of several rows
    ///   panics.
    ///
    /// In any version a string tagged as `arrow.json` is taken for binary JSON:
    /// `Attempt to project field by different types: Utf8 and LargeBinary`.
    ///
    /// ## How it comes about
    /// Lance writes these types without a complaint and cannot read them back (14.0.2 still). The
    /// tagged strings are how Lance up to 0.32 wrote JSON.
    ///
    /// ## How to fix it
    /// For a tagged string, take the tag away. It reads as the string that it is, and no data is
    /// rewritten:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {}}, replace=True)
    /// ```
    ///
    /// That drops all other metadata of the field, so list what is to stay in the braces.
    ///
    /// Else read the other columns. Write this one again from its source, as 2.2 or with another
    /// type. The values are in the file, but no release of Lance reads them:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
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
            let rest = view
                .field
                .metadata
                .iter()
                .filter(|(key, _)| *key != EXTENSION_KEY);
            findings.add(finding.help(fixes::replace_metadata(
                "take the tag away, and it reads as the string it is",
                view.field,
                rest.map(|(key, value)| (key.as_str(), value.as_str())),
            )));
            return;
        }
        findings.add(finding.help(Remedy::with_code(format!(
            "read the other columns, and write this one again from its source as 2.2 or with another type:\n{}",
            fixes::read_without(view.schema, view.field)
        ))));
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
