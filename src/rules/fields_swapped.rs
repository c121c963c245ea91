use super::{ColumnsView, Rule, mends};
use crate::finding::{Findings, RuleInfo};
use crate::typing::schemas::Difference;

rule! {
    /// Two fields have changed places: in the manifest, the id of one goes with the name of the
    /// other. Readers find columns by id, and name them as the manifest does.
    ///
    /// ## What readers do
    /// `to_table()` returns each of the two columns under the other's name, **without a word**
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
    /// - Field ids were given anew in a merge (lance-format/lance#7700).
    ///
    /// ## How to mend it
    /// Commit the schema in the order in which the files were written. No data is rewritten. Take
    /// it from an earlier version of the dataset:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// right = lance.dataset(uri, version=1).schema  # a version from before the commit
    /// files = [f.metadata for f in ds.get_fragments()]
    /// op = lance.LanceOperation.Overwrite(right, files)
    /// lance.LanceDataset.commit(uri, op, read_version=ds.version)
    /// ```
    ///
    /// If only some fragments have it, they came from another dataset or their files were replaced.
    /// Drop them and append their rows, by the names that their files know:
    ///
    /// ```python
    /// from lance.file import LanceFileReader
    ///
    /// ds = lance.dataset(uri)
    /// bad = [ID]  # the fragments that have it
    /// names = [f.path for id in bad for f in ds.get_fragment(id).data_files()]
    /// tables = [LanceFileReader(f"{uri}/data/{name}").read_all().to_table() for name in names]
    /// op = lance.LanceOperation.Delete([], bad, "true")
    /// lance.LanceDataset.commit(uri, op, read_version=ds.version)
    /// for table in tables:
    ///     lance.write_dataset(table.select(ds.schema.names), uri, mode="append")
    /// ```
    ///
    /// Rows that were deleted in them come back by that. It is for fragments of one data file each.
    ///
    /// ## When it is silent
    /// A rename alone leaves no field of the old name beside it, and is none of this. Where the
    /// dataset's transactions record that names were changed, nothing is said.
    static INFO = Error "fields-swapped", "columns are handed out under each other's names";
}

/// See [`INFO`].
pub struct FieldsSwapped;

/// For fragments that came from elsewhere, while the schema is that of the others.
const APPEND_ANEW: &str = "or, if only some fragments have it (they came from another dataset, or their files were \
                           replaced), drop them and append their rows by the names that their files know; for \
                           fragments of one file each, and rows that were deleted in them come back:\n\
                           from lance.file import LanceFileReader\n\
                           ds = lance.dataset(uri)\n\
                           bad = [ID]  # the fragments that have it\n\
                           names = [f.path for id in bad for f in ds.get_fragment(id).data_files()]\n\
                           tables = [LanceFileReader(f\"{uri}/data/{name}\").read_all().to_table() for name in names]\n\
                           op = lance.LanceOperation.Delete([], bad, \"true\")\n\
                           lance.LanceDataset.commit(uri, op, read_version=ds.version)\n\
                           for table in tables:\n    \
                               lance.write_dataset(table.select(ds.schema.names), uri, mode=\"append\")";

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
                    "returns each column under the other's name without a word where their types \
                     agree, and fails where they do not",
                )
                .cause(
                    "a schema whose fields stand in another order was committed over the file, or the file \
                     came from another dataset with its field ids",
                )
                .mend(format!(
                    "commit the schema in the order in which the files were written (no data is \
                     rewritten); an earlier version of the dataset still has it:\n{}",
                    mends::commit(
                        "right = lance.dataset(uri, version=1).schema  # a version from before the commit",
                        "right"
                    )
                ));
        findings.add(match fragments {
            Some(2..) => finding.mend(APPEND_ANEW),
            _ => finding,
        });
    }
}
