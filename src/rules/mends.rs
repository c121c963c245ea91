//! Python that several rules tell their users to paste.

use crate::model::schema::{Field, FieldTree};

/// Commits a schema over the files as they are. `prepare` makes the schema, a line each, and may
/// use `ds`; `schema` is the expression that it is.
pub fn commit(prepare: &str, schema: &str) -> String {
    let gap = if prepare.is_empty() { "" } else { "\n" };
    format!(
        "ds = lance.dataset(uri)\n\
         {prepare}{gap}\
         files = [f.metadata for f in ds.get_fragments()]\n\
         op = lance.LanceOperation.Overwrite({schema}, files)\n\
         lance.LanceDataset.commit(uri, op, read_version=ds.version)"
    )
}

/// Commits the schema with one top-level field replaced by what an expression says.
pub fn commit_field(name: &str, replacement: &str) -> String {
    let fields =
        format!("fields = [{replacement} if f.name == {name:?} else f for f in ds.schema]");
    commit(&fields, "pa.schema(fields)")
}

/// Reads all columns but the one that a field is of.
pub fn read_without(schema: &FieldTree, field: &Field) -> String {
    let mut top = field;
    while let Some(above) = top.parent.and_then(|above| schema.fields.get(above)) {
        top = above;
    }
    format!(
        "ds = lance.dataset(uri)\n\
         ds.to_table(columns=[n for n in ds.schema.names if n != {:?}])",
        top.name
    )
}

/// A commit that changes no rows, with which a current release puts right what it knows.
pub const COMMIT_NOTHING: &str = "a commit of a current release puts it right, even one that changes nothing:\n\
                                  lance.dataset(uri).delete(\"false\")";
