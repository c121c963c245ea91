use super::{DatasetView, IndexEnd, Rule};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::index::INDICES;

rule! {
    /// A vector index is of the first format, which Lance wrote up to 0.21.0: one file `index.idx`
    /// of file version 0.1, without an `auxiliary.idx`.
    ///
    /// ## What readers do
    /// Queries with `nearest=…` use the index and are right. Appends, deletes and compaction work.
    /// `optimize_indices()` always panics (pylance 14.0.2), whatever its arguments are:
    ///
    /// ```text
    /// not implemented: only for v2 IVFIndex
    /// ```
    ///
    /// Rows that are appended later stay out of the index. Queries find them by a scan, which gets
    /// slower with each append.
    ///
    /// ## How it comes about
    /// pylance 0.10.18 to 0.21.0 built an `IVF_PQ` index. Nothing is damaged.
    ///
    /// ## How to fix it
    /// Build the index again with a current release. No data is rewritten:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.create_index("column", "IVF_PQ", name="index", replace=True, num_sub_vectors=M)
    /// ```
    static INFO = Info "index-format-old", "a vector index is of a format that optimize_indices() panics on";
}

/// See [`INFO`].
pub struct IndexFormatOld;

impl Rule for IndexFormatOld {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for state in view.indices {
            let (Ok(uuid), Some(files)) = (&state.index.uuid, &state.files) else {
                continue;
            };
            let old =
                |name: &str, end: &IndexEnd| name == "index.idx" && *end == IndexEnd::Lance(0, 1);
            let Some(file) = files.iter().find(|file| old(&file.name, &file.end)) else {
                continue;
            };
            let name = &state.index.name;
            let field = state.index.fields.first();
            let column = view.snapshot.and_then(|snapshot| {
                let mut fields = snapshot.schema.fields.iter();
                let field = fields.find(|known| Some(&known.id) == field)?;
                Some(field.path.as_str())
            });
            let column = column.unwrap_or("column");
            findings.add(
                INFO.finding(format!(
                    "index {name:?} is of the first format of vector indices"
                ))
                .at(Place {
                    file: Some(format!("{INDICES}/{uuid}/{}", file.name)),
                    ..Place::default()
                })
                .instead(
                    "index.idx and auxiliary.idx",
                    "index.idx of file version 0.1",
                )
                .reader(
                    "optimize_indices()",
                    "panics: not implemented: only for v2 IVFIndex; nearest=… is right",
                )
                .cause("Lance up to 0.21.0 built it; nothing is damaged")
                .help(format!(
                    "build the index again with a current release: ds.create_index() of {column:?} with \
                     name={name:?} and replace=True (no data is rewritten)"
                )),
            );
        }
    }
}
