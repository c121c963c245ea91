//! # type-unreadable
//!
//! A field is of a type that the readers of the file's version cannot decode at all, whatever its
//! pages hold: some such types Lance writes without a complaint and cannot read back. In 2.0
//! these are fixed-size lists of structs or of strings, maps, and packed structs with a child
//! whose size is not fixed (a string, a list, another struct, a dictionary, a boolean).
//!
//! The other columns can be read. The values are there, but no release of Lance reads them.

use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree};
use crate::model::version::FileVersion;

static INFO: RuleInfo = RuleInfo {
    id: "type-unreadable",
    severity: Severity::Error,
    summary: "a field is of a type that readers of the file's version cannot decode",
};

/// See the module.
pub struct TypeUnreadable;

impl Rule for TypeUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        if view.version != FileVersion::V2_0 || view.column.pages.is_empty() {
            return;
        }
        let Some((what, effect)) = unreadable(view.schema, view.field) else {
            return;
        };
        let path = &view.field.path;
        let finding = INFO
            .finding(format!(
                "column `{path}` is {what}, which no reader of 2.0 can decode"
            ))
            .column(path)
            .at(view.place())
            .instead("a type that 2.0 can hold", view.field.type_text.clone())
            .reader("to_table()", effect)
            .cause("Lance writes this type as 2.0 and cannot read it back (14.0.2 still)");
        let top = path.split('.').next().unwrap_or(path);
        findings.add(finding.mend(format!(
            "read the other columns, and write this one anew from its source as 2.2 or with another type:\n\
             ds = lance.dataset(uri)\n\
             ds.to_table(columns=[n for n in ds.schema.names if n != {top:?}])"
        )));
    }
}

/// What a field is and what the reader of 2.0 does with it, when it cannot decode it
/// (lance-encoding `decoder.rs`, `create_array_field_scheduler`).
fn unreadable(schema: &FieldTree, field: &Field) -> Option<(String, &'static str)> {
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
