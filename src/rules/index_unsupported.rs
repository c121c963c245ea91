use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, Place, RuleInfo, Severity};

rule! {
    /// An index is of a kind, or of a version of its kind, that Lance 14.0.2 does not know.
    /// Nothing is wrong with the data, and nothing uses the index.
    ///
    /// ## What readers do
    /// Current releases write one line to their log and go on without the index:
    ///
    /// ```text
    /// Index … has unrecognized type …, ignoring it
    /// Index … has version …, which is not supported (<=…), ignoring it
    /// ```
    ///
    /// Results are right. `to_table(filter=…)` and `nearest=…` are as slow as without an index,
    /// since they scan every row.
    ///
    /// Older releases may fail. With an index of an unknown kind, filters on its column fail in
    /// 0.32.1: `Index details for index … are not a recognized scalar index type`.
    ///
    /// ## How it comes about
    /// A newer Lance built the index, or a program with kinds of indices of its own.
    ///
    /// ## How to fix it
    /// Query with the release that built the index. Or build it again with yours, of the type that
    /// it is to have:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.drop_index("index")
    /// ds.create_scalar_index("column", index_type="BTREE")
    /// ```
    ///
    /// No data is rewritten by that. The newer release loses its index.
    ///
    /// ## When it is silent
    /// The first releases did not say of what kind an index is. Readers look into its files then,
    /// and this rule says nothing.
    static INFO = Warning "index-unsupported", "an index is one that readers do not know and do not use";
}

/// See [`INFO`].
pub struct IndexUnsupported;

impl Rule for IndexUnsupported {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        for state in view.indices {
            let index = &state.index;
            // The first releases did not say what an index is, and readers look into its files.
            let Some(url) = &index.type_url else { continue };
            let (expected, found, effect) = match (index.kind(), index.version) {
                (None, _) => (
                    "a kind that Lance up to 14.0.2 knows".to_string(),
                    format!("{url:?}"),
                    format!(
                        "logs: Index {} has unrecognized type …, ignoring it",
                        index.name
                    ),
                ),
                (Some(kind), Some(version)) if version > kind.newest || version < 0 => (
                    format!("version {} or less of {} indices", kind.newest, kind.name),
                    format!("version {version}"),
                    format!(
                        "logs: Index {} has version {version}, which is not supported (<={}), ignoring it",
                        index.name, kind.newest
                    ),
                ),
                _ => continue,
            };
            // There is no other way to search a text.
            let finding = INFO.finding(format!("index {:?} is not used", index.name));
            let finding = match state.has_texts() {
                true => finding.severity(Severity::Error).reader(
                    "to_table(full_text_query=…)",
                    "fails: Cannot perform full text search unless an INVERTED index has been created",
                ),
                false => finding,
            };
            findings.add(
                finding
                    .at(Place {
                        detail: Some(format!("index {:?}", index.name)),
                        ..manifest_place(snapshot)
                    })
                    .instead(expected, found)
                    .reader("to_table(filter=…) or nearest=…", effect)
                    .cause("a newer Lance built it, or a program with indices of its own")
                    .help(
                        "query with the release that built it, or build the index again with yours",
                    ),
            );
        }
    }
}
