use super::{ColumnsView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::join::Placement;
use crate::model::version::FileVersion;
use crate::typing::want::Want;

rule! {
    /// The manifest maps a field to one column of a data file, and the file's own schema counts
    /// another as that field's.
    ///
    /// ## What readers do
    /// Readers take the manifest's word. `to_table()` hands out the values of the other field
    /// **without a word** where the types agree, and fails where they do not. `validate()` passes,
    /// since it decodes no page.
    ///
    /// ## How it comes about
    /// The file was registered with its column indices in another order than it was written in.
    ///
    /// ## How to mend it
    /// Register the file anew with the column indices of its own schema. With a file written by
    /// Lance, these are field ids and indices in depth-first order. No data is rewritten.
    ///
    /// Or go back to the last version that was right. What was committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// Until then, do not trust any column of the file.
    ///
    /// ## When it is silent
    /// - Columns may be stored in another order than the file's schema has. If all pages fit the
    ///   fields as the manifest maps them, and would not fit as the file's schema does, the
    ///   manifest is right.
    /// - A file schema that counts other columns than the file has bears no witness.
    /// - A field that is listed twice is `field-in-two-files`.
    /// - Files of 0.1 are not compared.
    static INFO = Error "column-mapping-contradicted", "the manifest maps fields to other columns than the data file's own schema does";
}

/// See [`INFO`].
pub struct ColumnMappingContradicted;

impl Rule for ColumnMappingContradicted {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        let (Some(_), Some(file_schema)) = (view.file.snapshot, view.data.schema.as_deref()) else {
            return;
        };
        if view.version == FileVersion::V0_1 {
            return;
        }
        let own = view.own;
        // A file whose own count does not come out even cannot bear witness.
        let counted = own
            .iter()
            .filter(|placement| matches!(placement, Placement::Column(_)))
            .count();
        if u32::try_from(counted) != Ok(view.data.num_columns()) {
            return;
        }
        // Where the manifest and the file's own schema put a field, for every field of the schema:
        // what a column is worth as evidence does not depend on which columns were asked for.
        let placed = || {
            let placed = view.file.placed.iter().enumerate();
            placed.filter_map(|(at, placement)| match placement {
                Placement::Column(index) => Some((view.schema.fields.get(at)?, *index)),
                _ => None,
            })
        };
        let moved: Vec<_> = placed()
            .filter_map(|(field, index)| {
                let at = (field.id >= 0)
                    .then(|| file_schema.index_of(field.id))
                    .flatten()?;
                match own.get(at) {
                    Some(Placement::Column(column)) if *column != index => {
                        Some((index, field, *column))
                    }
                    _ => None,
                }
            })
            .collect();
        let laid = |index: u32| view.laid.iter().find(|laid| laid.index == index);
        let asked = moved.iter().filter(|(index, ..)| laid(*index).is_some());
        let Some((stated, field, real)) = asked.clone().next().copied() else {
            return;
        };
        // The columns may have been stored in another order than the file's schema has. Then the
        // pages fit the fields as the manifest maps them, and would not as the file's schema does.
        let misfits = |index: u32| laid(index).is_some_and(|laid| laid.misfits);
        let fits_only_here = moved.iter().all(|(index, ..)| !misfits(*index))
            && moved.iter().any(|(_, field, column)| {
                let there = placed().find(|(_, index)| index == column);
                there.is_some_and(|(there, _)| {
                    let want = |field| Want::of_field(view.schema, field).as_stored(view.version);
                    want(there) != want(field)
                })
            });
        if fits_only_here || lists_twice(view) {
            return;
        }
        let others = asked.count() - 1;
        let path = &field.path;
        let more = match others {
            0 => String::new(),
            1 => ", and another field likewise".to_string(),
            many => format!(", and {many} other fields likewise"),
        };
        findings.add(
            INFO.finding(
                "the manifest maps fields to other columns than the data file's own schema does",
            )
            .column(path)
            .at(view.place(stated))
            .instead(
                format!("`{path}` in column {real}, as the file's own schema counts"),
                format!("`{path}` in column {stated}{more}"),
            )
            .reader(
                "to_table()",
                "returns the values of another field without a word where the types agree, and \
                     fails where they do not",
            )
            .cause("the file was registered with its column indices in another order than it has")
            .mend(
                "register the file anew with the column indices of its own schema; with a file \
                     written by Lance that is field ids and indices in depth-first order",
            ),
        );
    }
}

/// Whether the manifest lists a field of the file twice, which has a rule of its own.
fn lists_twice(view: &ColumnsView<'_>) -> bool {
    let ids = view.file.entry.map_or(&[][..], |entry| &entry.fields);
    let mut live: Vec<i32> = ids.iter().copied().filter(|id| *id >= 0).collect();
    live.sort_unstable();
    live.windows(2).any(|pair| pair.first() == pair.last())
}
