use super::{FragmentView, Rule, fixes};
use crate::finding::{Finding, Findings, Place, RuleInfo};
use crate::hash::HashSet;
use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree};

rule! {
    /// A field of the schema is in none of the files that the manifest lists for it, and that is
    /// not as it should be.
    ///
    /// ## What readers do
    /// - A data file holds the field by its own schema, and the manifest does not say so. The
    ///   column reads as nulls **silently**, or fails:
    ///   `projection supplied fewer column indices than its fields require`.
    /// - The field allows no nulls, and no file holds it. `to_table()` fails:
    ///   `Found unmasked nulls for non-nullable StructArray field …`.
    /// - A fragment holds all columns under other field ids. All of its rows read as nulls
    ///   **silently**. `validate()` fails:
    ///   `did not have any fields in common with the dataset schema`.
    ///
    /// ## How it comes about
    /// - A fragment was registered without all field ids of its file.
    /// - A schema with one more required field was committed.
    /// - A fragment was written for another dataset and registered here as it was (see
    ///   lance-format/lance#7146).
    ///
    /// ## How to fix it
    /// Register the file again with all its field ids and the column index of each, in
    /// depth-first order of its own schema.
    ///
    /// For a required field, make it nullable. No data is rewritten. Or drop it:
    /// `lance.dataset(uri).drop_columns(["column"])`.
    ///
    /// ```python
    /// lance.dataset(uri).alter_columns({"path": "column", "nullable": True})
    /// ```
    ///
    /// For a fragment with other ids, read its file by itself (`lance.file.LanceFileReader`) and
    /// append the rows under the names of the dataset.
    ///
    /// ## When it is silent
    /// A nullable field that no file holds is fine: that is how Lance adds a column without
    /// writing anything.
    static INFO = Error "field-not-listed", "the manifest lists no data file for a field that has one, or that must have one";
}

/// See [`INFO`].
pub struct FieldNotListed;

impl Rule for FieldNotListed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        let schema = &view.snapshot.schema;
        if let Some((file, finding)) = foreign(view) {
            findings.add(finding.at(Place {
                fragment: Some(view.fragment.id),
                file: Some(file.clone()),
                ..Place::default()
            }));
            return;
        }
        let absent: HashSet<usize> = view.absent.iter().map(|absence| absence.at).collect();
        for absence in view.absent {
            let Some(field) = schema.fields.get(absence.at) else {
                continue;
            };
            // What is above or around it tells the same.
            let parent_absent = field.parent.is_some_and(|parent| absent.contains(&parent));
            // Structs without fields have columns that not all writers list.
            let mut below = schema
                .subtree(absence.at)
                .filter_map(|at| schema.fields.get(at));
            let hollow = below.all(|field| field.logical_type.is_nested());
            if parent_absent || hollow {
                continue;
            }
            let path = &field.path;
            let place = |file: Option<String>| Place {
                fragment: Some(view.fragment.id),
                file,
                ..Place::default()
            };
            if let Some(file) = &absence.in_file {
                findings.add(
                    INFO.finding(format!(
                        "column `{path}` is in a data file, and the manifest does not say so"
                    ))
                    .column(path)
                    .at(place(Some(file.clone())))
                    .instead(
                        format!("field id {} in the list of the file's fields", field.id),
                        "a list without it",
                    )
                    .reader(
                        "to_table()",
                        "returns nulls silently, or fails: projection supplied fewer column indices \
                         than its fields require",
                    )
                    .cause("the data file's own schema has the field, so its writer wrote it")
                    .help(
                        "register the file again with all its field ids and the column index of each, as \
                         its own schema counts them in depth-first order",
                    ),
                );
            } else if (!field.nullable || is_item(schema, field)) && view.fragment.physical_rows > 0
            {
                findings.add(
                    INFO.finding(format!(
                        "column `{path}` may hold no nulls, and no data file of a fragment holds it"
                    ))
                    .column(path)
                    .at(place(None))
                    .instead(
                        "a data file that holds it, or a field that may be null",
                        "neither",
                    )
                    .reader(
                        "to_table()",
                        "fails: Found unmasked nulls for non-nullable StructArray field …",
                    )
                    .cause("a schema with a required field was committed over files that lack it")
                    .help(fixes::make_nullable(field))
                    .help(fixes::drop_column(
                        "or drop it, whose rows in other fragments are lost with it",
                        field,
                    )),
                );
            }
        }
    }
}

/// A fragment of which the dataset has not one field, while its files hold fields of the same
/// names and types under other ids. Where only some are missing they may have been dropped and
/// added again.
fn foreign<'a>(view: &'a FragmentView<'_>) -> Option<(&'a String, Finding)> {
    let schema = &view.snapshot.schema;
    if view.absent.is_empty() || view.absent.len() != schema.fields.len() {
        return None;
    }
    let first = view.absent.first()?;
    let (file, id) = first.under_other_id.as_ref()?;
    let field = schema.fields.get(first.at)?;
    let finding = INFO
        .finding("a fragment holds the dataset's columns under other field ids")
        .instead(
            format!("field id {} for column `{}`", field.id, field.path),
            format!("field id {id}"),
        )
        .reader(
            "to_table()",
            "returns nulls for all of its rows silently; validate(): did not have any fields in common \
             with the dataset schema",
        )
        .cause("the fragment was written for another dataset and registered here as it was")
        .help(
            "read the file by itself (lance.file.LanceFileReader) and append its rows under the names of \
             the dataset",
        );
    Some((file, finding))
}

/// Whether a field is the item of a list, which has no lists without it.
fn is_item(schema: &FieldTree, field: &Field) -> bool {
    let parent = field.parent.and_then(|parent| schema.fields.get(parent));
    parent.is_some_and(|parent| parent.logical_type == LogicalType::List)
}
