use super::{ColumnsView, Rule, fixes};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::join::Placement;
use crate::model::version::FileVersion;
use crate::typecheck::legacy::Whole;
use crate::typecheck::want::ExpectedType;

rule! {
    /// The manifest maps a field to one column of a data file, and the file's own schema counts
    /// another as that field's.
    ///
    /// ## What readers do
    /// Readers take the manifest's word. `to_table()` hands out the values of the other field
    /// **silently** where the types agree, and fails where they do not. `validate()` passes,
    /// since it decodes no page.
    ///
    /// In a 0.1 file, readers take the first field that the manifest lists for the first column of
    /// the page table. If it is another, they read each field from the pages of another one:
    /// `v1 binary row range 0..3 exceeds length 0`, or other values **silently**.
    ///
    /// ## How it comes about
    /// - The file was registered with its column indices in another order than it was written in.
    /// - In a 0.1 file: a `merge_insert()` of some columns, by Lance up to 6, updated the first
    ///   column of the file. It wrote the column to a file of its own, and put -2 in the place of
    ///   the first field.
    ///
    /// ## How to fix it
    /// Register the file again with the column indices of its own schema. With a file written by
    /// Lance, these are field ids and indices in depth-first order. No data is rewritten.
    ///
    /// For a 0.1 file, there is no such commit. The values are all there: the version before the
    /// update reads them, and the new version reads the columns that were updated. Write a new
    /// dataset from both.
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
    /// - A file schema that counts other columns than the file has is no evidence.
    /// - A field that is listed twice is `field-in-two-files`.
    /// - The order of the columns in a 0.1 file is compared with nothing. Only its first column is.
    static INFO = Error "column-mapping-mismatch", "the manifest maps fields to other columns than the data file's own schema does";
}

/// See [`INFO`].
pub struct ColumnMappingMismatch;

impl Rule for ColumnMappingMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        if let Some(Whole::Begin { listed, first }) =
            view.layout.and_then(|layout| layout.whole.as_ref())
        {
            findings.add(other_begin(view, *listed, *first));
            return;
        }
        let (Some(_), Some(file_schema)) = (view.file.snapshot, view.data.schema.as_deref()) else {
            return;
        };
        if view.version == FileVersion::V0_1 {
            return;
        }
        let own = view.own;
        // A file whose own count does not come out even is no evidence.
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
                    let want =
                        |field| ExpectedType::of_field(view.schema, field).as_stored(view.version);
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
                "returns the values of another field silently where the types agree, and \
                     fails where they do not",
            )
            .cause("the file was registered with its column indices in another order than it has")
            .help(
                "register the file again with the column indices of its own schema; with a file \
                     written by Lance that is field ids and indices in depth-first order",
            ),
        );
    }
}

/// A 0.1 file whose page table begins with another field than the manifest lists first.
fn other_begin(view: &ColumnsView<'_>, listed: i32, first: i32) -> Finding {
    let found = match listed {
        -2 => "-2 first, which stands for a field that another file has now".to_string(),
        id => format!("field {id} first"),
    };
    let finding = INFO
        .finding("the manifest does not list the first field of a 0.1 file first")
        .at(view.file.place())
        .instead(format!("field {first}, with which the page table of the file begins"), found)
        .reader(
            "to_table()",
            "reads each column from the pages of another one: returns wrong values silently, or fails: v1 \
             binary row range 0..3 exceeds length 0",
        );
    match listed {
        -2 => finding.cause(
            "merge_insert() of some columns, by Lance up to 6, wrote the first column of the file to another \
             file",
        ),
        _ => finding,
    }
    .help(format!(
        "the values are all there: the last version before, which `--all-versions` shows, reads the columns \
         of this file, and this one the columns that were updated; write a new dataset from both, or {}",
        fixes::GO_BACK
    ))
}

/// Whether the manifest lists a field of the file twice, which has a rule of its own.
fn lists_twice(view: &ColumnsView<'_>) -> bool {
    let ids = view.file.entry.map_or(&[][..], |entry| &entry.fields);
    let mut live: Vec<i32> = ids.iter().copied().filter(|id| *id >= 0).collect();
    live.sort_unstable();
    live.windows(2).any(|pair| pair.first() == pair.last())
}
