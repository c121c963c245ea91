use super::fixes::{self, Change};
use super::{ColumnsView, Rule};
use crate::finding::{FRAGMENT_IDS, Findings, Remedy, RuleInfo};
use crate::format::proto::lance::table::DataFile;
use crate::model::schema::BlobDeclaration;
use crate::model::snapshot::Snapshot;
use crate::typecheck::schemas::Difference;

rule! {
    /// Two fields have changed places: in the manifest, the id of one goes with the name of the
    /// other. Readers find columns by id, and name them as the manifest does.
    ///
    /// ## What readers do
    /// `to_table()` returns each of the two columns under the other's name **silently**
    /// where their types agree. Where they do not, it fails, for example with
    /// `Expected 2 buffers in array of type Utf8, got 1`. `validate()` passes.
    ///
    /// Children of a packed struct that stand in another order, or one of which is missing, are
    /// read from each other's place, too.
    ///
    /// ## How it comes about
    /// - A schema whose fields stand in another order was committed over existing files, be it at
    ///   the top or inside of a struct. `LanceOperation.Overwrite` gives ids in the order of the
    ///   schema.
    /// - A fragment of another dataset, with other ids, was appended (lance-format/lance#7146).
    /// - Field ids were given again in a merge (lance-format/lance#7700).
    ///
    /// ## How to fix it
    /// Commit each column under the name that it was written as. The finding prints the commit
    /// for the dataset at hand. It keeps all field ids, so that no other column, deleted row or
    /// index is touched; no data is rewritten.
    ///
    /// If only some fragments have it, they came from another dataset or their files were
    /// replaced. Take them out and write their rows again, by the names that their files know.
    /// The finding prints the calls where no row was deleted in any fragment: in files by
    /// themselves, deleted rows come back.
    ///
    /// ## When it is silent
    /// A rename alone leaves no field of the old name beside it, and is none of this. Where the
    /// dataset's transactions record that names were changed, nothing is said.
    static INFO = Error "fields-swapped", "columns are handed out under each other's names";
}

/// See [`INFO`].
pub struct FieldsSwapped;

/// For fragments that came from elsewhere, while the schema is that of the others.
/// Writes the rows of some fragments again, by the names that their files know. Deleted rows would
/// come back, and files of another dataset have another folder, so it is for plain fragments only.
fn append_again(snapshot: &Snapshot) -> Option<Remedy> {
    let mut fragments = snapshot.message().fragments.iter();
    let plain = fragments.all(|fragment| {
        let own = |file: &DataFile| file.base_id.is_none();
        fragment.deletion_file.is_none()
            && fragment.files.len() == 1
            && fragment.files.iter().all(own)
    });
    let text = format!(
        "write their rows again, by the names that their files know (the indices do not cover them until \
         optimize_indices(); pylance 14):\n\
         from lance.file import LanceFileReader\n\
         ds = lance.dataset(uri)\n\
         bad = {FRAGMENT_IDS}\n\
         paths = [f\"{{uri}}/data/{{f.path}}\" for id in bad for f in ds.get_fragment(id).data_files()]\n\
         tables = [LanceFileReader(path).read_all().to_table() for path in paths]\n\
         op = lance.LanceOperation.Delete([], bad, \"false\")\n\
         ds = lance.LanceDataset.commit(ds, op, read_version=ds.version)\n\
         for table in tables:\n\
         \x20   ds.insert(table.select([n for n in ds.schema.names if n in table.schema.names]))"
    );
    // A file by itself does not tell what the v2 blobs in it are.
    let mut fields = snapshot.schema.fields.iter();
    let v2 = fields.any(|field| field.blob() == Some(BlobDeclaration::V2));
    (plain && !v2).then(|| Remedy::of_fragments(text))
}

impl Rule for FieldsSwapped {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        let Some(file_schema) = view.data.schema.as_deref() else {
            return;
        };
        let mut first: Option<(usize, u32)> = None;
        let mut pairs = Vec::new();
        let mut changes = Vec::new();
        let mut reordered = false;
        for difference in view.differences {
            let (at, other) = match difference {
                Difference::Swapped { at, in_file } => (*at, file_schema.fields.get(*in_file)),
                Difference::Order { at } => (*at, None),
                Difference::Type { .. } => continue,
            };
            let (Some(field), Some(laid)) = (view.schema.fields.get(at), view.holder(at)) else {
                continue;
            };
            first.get_or_insert((at, laid.index));
            match other {
                Some(other) => changes.push((field, Change::Like(other))),
                None => reordered = true,
            }
            pairs.push(match other {
                Some(other) => format!(
                    "`{}` holds what was written as `{}`",
                    field.path, other.path
                ),
                None => format!(
                    "the children of the packed struct `{}` stand in another order",
                    field.path
                ),
            });
        }
        let Some((at, index)) = first else { return };
        let path = view.schema.fields.get(at).map_or("", |field| &field.path);
        let most = 4;
        let more = match pairs.len().checked_sub(most) {
            Some(more) if more > 0 => format!(" and {more} more"),
            _ => String::new(),
        };
        pairs.truncate(most);
        // A rename, as far as the dataset's own records tell, is no fault.
        if view.renamed {
            return;
        }
        let fragments = view
            .file
            .snapshot
            .map(|snapshot| snapshot.message().fragments.len());
        let committed = view
            .file
            .snapshot
            .filter(|_| !reordered)
            .and_then(|snapshot| {
                fixes::commit_fields(
                    "commit each column under the name that it was written as",
                    snapshot,
                    &changes,
                )
            });
        let finding =
            INFO.finding("columns are handed out under each other's names")
                .column(path)
                .at(view.place(index))
                .instead(
                    "the field ids of the data file's own schema",
                    format!("{}{more}", pairs.join(", ")),
                )
                .reader(
                    "to_table()",
                    "returns each column under the other's name silently where their types \
                     agree, and fails where they do not",
                )
                .cause(
                    "a schema whose fields stand in another order was committed over the file, or the file \
                     came from another dataset with its field ids",
                )
                .help(committed.unwrap_or_else(|| {
                    "no safe way by public calls where structs or lists are among them: go back to the \
                     last version that was right, and make what came after it again"
                        .into()
                }));
        findings.add(match fragments {
            Some(2..) => finding.help_all(view.file.snapshot.and_then(append_again)),
            _ => finding,
        });
    }
}
