//! What the rules on metadata keys share: the ways to fix them.

use super::fixes::{self, py};
use crate::finding::Remedy;
use crate::model::schema::{Field, FieldTree};
use crate::model::version::FileVersion;

/// A key with the value that it gets; `None` takes it away.
pub type Change<'a> = (&'a str, Option<&'a str>);

/// Python that sets and takes away keys of fields, and leaves their other metadata.
pub fn change_metadata(changes: &[(&Field, Vec<Change<'_>>)]) -> String {
    let fields = changes.iter().map(|(field, keys)| {
        let keys = keys.iter().map(|(key, value)| match value {
            Some(value) => format!("{}: {}", py(key), py(value)),
            None => format!("{}: None", py(key)),
        });
        let keys: Vec<String> = keys.collect();
        format!("{}: {{{}}}", py(&field.path), keys.join(", "))
    });
    let fields: Vec<String> = fields.collect();
    format!(
        "ds = lance.dataset(uri)\n\
         ds.update_field_metadata({{{}}})",
        fields.join(", ")
    )
}

/// Changes metadata, and writes all data to a new dataset so that the change takes effect. Where
/// there is no such call, the change alone: it counts for what is written from then on.
pub fn change_and_copy(
    why: &str,
    changes: &[(&Field, Vec<Change<'_>>)],
    schema: &FieldTree,
    version: Option<FileVersion>,
) -> Remedy {
    let change = change_metadata(changes);
    Remedy::with_code(match fixes::copy_code(schema, &[], version) {
        Some(copy) => format!(
            "{why}, and write the data to a new dataset ({}; pylance 14):\n{change}\n{copy}",
            fixes::COPY_LACKS
        ),
        None => format!("{why}, for what is written from then on (pylance 14):\n{change}"),
    })
}
