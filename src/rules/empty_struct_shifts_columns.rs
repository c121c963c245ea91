use super::{ColumnsView, Rule, fixes};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::logical_type::LogicalType;
use crate::model::schema::Field;
use crate::model::version::FileVersion;

rule! {
    /// A struct without fields has a column of its own in files of 2.1 and later. The reader never
    /// steps over it. So each column behind it is read from the column before its own.
    ///
    /// ## What readers do
    /// `to_table()` returns nulls, or **the values of another column silently**. Or it
    /// fails:
    ///
    /// - `Expected 1 buffers in array of type …, got 2`
    /// - `No-values plane has materialized leaf values` (2.3)
    /// - `offsets cannot be empty`, a panic, for a list of such structs in 2.3
    ///
    /// A packed struct without fields is stepped over. It reads as null in every row, **without a
    /// word**.
    ///
    /// ## How it comes about
    /// Lance writes such a struct as soon as a schema has one (14.0.2 still). So nobody did
    /// anything wrong. The data is sound.
    ///
    /// ## How to fix it
    /// Leave the struct out when reading. Then every column is right again:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// Or drop it. No data is rewritten, and nothing is lost but the empty struct:
    ///
    /// ```python
    /// lance.dataset(uri).drop_columns(["column"])
    /// ```
    ///
    /// Before you write, leave such structs out of the schema, or give them a field.
    ///
    /// ## When it is silent
    /// A struct that is the last column has nothing behind it that could shift. In 2.0 structs
    /// without fields do no harm.
    static INFO = Error "empty-struct-shifts-columns", "columns behind a struct without fields are read from the column before";
}

/// See [`INFO`].
pub struct EmptyStructShiftsColumns;

impl Rule for EmptyStructShiftsColumns {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        if !view.version.is_structural() {
            return;
        }
        for (position, laid) in view.laid.iter().enumerate() {
            let Some(field) = view.field(laid) else {
                continue;
            };
            let is_empty = matches!(field.logical_type, LogicalType::Struct)
                && field.children.is_empty()
                && field.blob().is_none();
            if !is_empty {
                continue;
            }
            if field.packed() {
                findings.add(packed(view, field, laid.index));
                continue;
            }
            let path = &field.path;
            let next = view.laid.get(position + 1);
            let Some(victim) = next.and_then(|next| view.field(next)) else {
                // Behind a list of such structs there is nothing that could be shifted but its offsets.
                if view.version == FileVersion::V2_3 && view.schema.is_below_list(field) {
                    findings.add(in_list(view, field, laid.index));
                }
                continue;
            };
            findings.add(
                INFO.finding(format!(
                    "column `{path}` is a struct without fields, so `{}` and what follows are read from \
                     the column before their own",
                    victim.path
                ))
                .column(path)
                .at(view.place(laid.index))
                .instead("a struct with at least one field, or none", "a struct without fields")
                .reader(
                    "to_table()",
                    "returns nulls or the values of another column silently, or fails: Expected 1 \
                     buffers in array of type …, got 2, or: No-values plane has materialized leaf values",
                )
                .cause("Lance (14.0.2 still) writes a column for such a struct and does not step over it when reading")
                .help_code(format!(
                    "leave the struct out when reading:\n{}",
 fixes::read_without(view.schema, field)
                ))
                .help(fixes::drop_column(
                    "or drop it, as it holds nothing; no data is rewritten",
                    field,
                )),
            );
        }
    }
}

/// A list of such structs in 2.3, which is unreadable by itself (seen with pylance 14.0.2).
fn in_list(view: &ColumnsView<'_>, field: &Field, column: u32) -> Finding {
    let path = &field.path;
    INFO.finding(format!("column `{path}` is a struct without fields in a list, which 2.3 cannot read back"))
        .column(path)
        .at(view.place(column))
        .instead("a struct with at least one field, or none", "a struct without fields")
        .reader("to_table()", "panics: offsets cannot be empty (decoder.rs)")
        .cause("Lance (14.0.2 still) writes a column for such a struct and does not step over it when reading")
        .help_code(format!(
            "leave the list out when reading:\n{}",
 fixes::read_without(view.schema, field)
        ))
}

/// A packed one, which the reader steps over and returns as nulls (seen with pylance 14.0.2).
fn packed(view: &ColumnsView<'_>, field: &Field, column: u32) -> Finding {
    let path = &field.path;
    INFO.finding(format!(
        "column `{path}` is a packed struct without fields, so it reads as nulls"
    ))
    .column(path)
    .at(view.place(column))
    .instead(
        "a struct with at least one field, or none",
        "a struct without fields",
    )
    .reader(
        "to_table()",
        "returns null for every row that holds an empty struct silently",
    )
    .cause("Lance (14.0.2 still) stores such a struct as nulls")
    .help(fixes::drop_column(
        "drop it, as it holds nothing; no data is rewritten",
        field,
    ))
}
