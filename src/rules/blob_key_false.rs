use super::keys::change_metadata;
use super::{ColumnView, Rule};
use crate::finding::{Findings, Remedy, RuleInfo};
use crate::model::schema::BLOB_KEY;
use crate::rules::blob::pages_stored;
use crate::typecheck::blob::Storage;

rule! {
    /// A field carries `lance-encoding:blob` with a value that reads like no: "false", "0", "no",
    /// "off", "none" or nothing at all. The column is a blob all the same.
    ///
    /// ## What readers do
    /// `to_table()` returns the position and the size of each value, and not the value. Nothing
    /// fails.
    ///
    /// ## How it comes about
    /// Lance looks at the presence of the key, not at its value. Whoever wrote "false" meant a
    /// plain column. To have one, leave the key out.
    ///
    /// ## How to fix it
    /// If blobs are fine, say so. No data is rewritten:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {"lance-encoding:blob": "true"}})
    /// ```
    ///
    /// If the column is to be plain, read the values and write them again without the key (pylance
    /// 14):
    ///
    /// ```python
    /// table = lance.dataset(uri).scanner(blob_handling="all_binary").to_table()
    /// fields = [f.remove_metadata() if f.name == "column" else f for f in table.schema]
    /// table = table.cast(pa.schema(fields))
    /// lance.write_dataset(table, new_uri)
    /// ```
    ///
    /// To take the key away from the blobs that are there is no good way: every scan would then
    /// load them all.
    ///
    /// ## When it is silent
    /// If the pages hold plain values, `blob-stored-plain` speaks, which is the greater fault.
    /// From 2.2 on the writer turns the key into an extension, and its value is gone.
    static INFO = Warning "blob-key-false", "the blob key is set to a value like \"false\", which still makes the column a blob";
}

/// See [`INFO`].
pub struct BlobKeyFalse;

/// Whether a value of the blob key reads like no.
pub fn says_no(value: &str) -> bool {
    matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "false" | "0" | "no" | "off" | "n" | "f" | "none" | ""
    )
}

impl Rule for BlobKeyFalse {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let Some(value) = view.field.metadata.get(BLOB_KEY) else {
            return;
        };
        // Over plain pages the value is the lesser part of a fault that has its own rule.
        let plain = |stored: &Storage| *stored == Storage::Plain;
        if !says_no(value) || pages_stored(view, plain).is_some() {
            return;
        }
        let path = &view.field.path;
        findings.add(
            INFO.finding(format!(
                "column `{path}` has {BLOB_KEY} = {value:?}, which makes it a blob all the same"
            ))
            .column(path)
            .at(view.place())
            .instead(
                "no such key on a plain column",
                format!("{BLOB_KEY} = {value:?}"),
            )
            .reader(
                "to_table()",
                "returns position and size of each value, not the value",
            )
            .cause("Lance looks at the presence of the key, not at its value")
            .help(Remedy::with_code(format!(
                "for blobs, set the value to \"true\" (pylance 14):\n{}",
                change_metadata(&[(view.field, vec![(BLOB_KEY, Some("true"))])])
            )))
            .help(format!(
                "for plain values, read them and write the column without the key; {}",
                "taking the key away from the blobs that are there makes every scan load them all"
            )),
        );
    }
}
