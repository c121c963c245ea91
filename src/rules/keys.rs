//! What the rules on metadata keys share: the ways to mend them.

use crate::model::schema::Field;
use crate::model::version::FileVersion;

/// The newest Lance whose keys are known.
pub const NEWEST_LANCE: &str = "14.0.2";
/// Its major release.
pub const NEWEST_MAJOR: u32 = 14;

/// A key with the value that it gets; `None` takes it away.
pub type Change<'a> = (&'a str, Option<&'a str>);

/// Python that sets and takes away keys of fields, and leaves their other metadata.
pub fn change_metadata(changes: &[(&Field, Vec<Change<'_>>)]) -> String {
    let fields = changes.iter().map(|(field, keys)| {
        let keys = keys.iter().map(|(key, value)| match value {
            Some(value) => format!("{key:?}: {value:?}"),
            None => format!("{key:?}: None"),
        });
        let keys: Vec<String> = keys.collect();
        format!("{:?}: {{{}}}", field.path, keys.join(", "))
    });
    let fields: Vec<String> = fields.collect();
    format!(
        "ds = lance.dataset(uri)\n\
         ds.update_field_metadata({{{}}})",
        fields.join(", ")
    )
}

/// Python that writes all data anew, so that its metadata takes effect.
pub fn rewrite(version: Option<FileVersion>) -> String {
    let version = match version {
        Some(version) => format!(", data_storage_version=\"{version}\""),
        None => String::new(),
    };
    format!("lance.write_dataset(lance.dataset(uri).scanner(), new_uri{version})")
}
