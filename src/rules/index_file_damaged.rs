use std::collections::BTreeMap;

use bytes::Bytes;

use super::{DatasetView, Rule, index_folder};
use crate::finding::{Finding, Findings, Place, RuleInfo, Severity};
use crate::hash::HashSet;
use crate::model::schema::FieldTree;
use crate::rules::index_list_invalid::drop_index;

rule! {
    /// A file of an index is damaged, so that a reader cannot open it or decode it. Files of
    /// indices are Lance files that hold their own schema. They are judged as a data file is that
    /// stands by itself. The data of the dataset may be sound.
    ///
    /// ## What readers do
    /// The dataset opens and scans. Queries that use the index fail, or return too few rows
    /// **silently**: `to_table(filter=…)` on the indexed column, a full-text search, `nearest=…`,
    /// and `optimize_indices()`. With some releases every query with a filter fails, whatever
    /// column it is on.
    ///
    /// ## How it comes about
    /// The file was damaged after it was written, in storage or on the way.
    ///
    /// ## How to fix it
    /// Restore the file from a copy. Or drop the index and build it again. No data is rewritten,
    /// and queries without the index work at once:
    ///
    /// ```python
    /// lance.dataset(uri).drop_index("index")
    /// ```
    ///
    /// ## When it is silent
    /// - The values in the pages are not looked at.
    /// - The first format of vector indices, an `index.idx` of version 0.1, is no such file.
    /// - At most 64 files of an index are looked at.
    static INFO = Error "index-file-damaged", "a file of an index is damaged";
}

/// See [`INFO`].
pub struct IndexFileDamaged;

impl Rule for IndexFileDamaged {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        for state in view.indices {
            let index = &state.index;
            let (Ok(uuid), Some(files)) = (&index.uuid, &state.files) else {
                continue;
            };
            let folder = index_folder(snapshot, index, uuid);
            for file in files {
                let Some(error) = file.errors.first() else {
                    continue;
                };
                let others = file.errors.len() - 1;
                let path = format!("{folder}/{}", file.name);
                let finding = finding(&index.name, path, error, others);
                findings.add(match index.is_looked_into() {
                    true => finding.severity(Severity::Warning),
                    false => finding,
                });
            }
        }
    }
}

/// What is wrong with a file whose own schema counts other columns than it has.
pub fn other_columns(counted: u64, held: u32) -> Finding {
    INFO.finding("the schema of the file counts other columns than it has")
        .instead(format!("{counted} columns"), format!("{held}"))
}

/// What is wrong with a file that states other rows than its first column has.
pub fn other_rows(stated: u64, held: u64) -> Finding {
    INFO.finding("the file states other rows than its pages have")
        .instead(held.to_string(), stated.to_string())
}

/// What is wrong with a file of a known name that has not the columns which readers look for by
/// name (lance-index `scalar/zonemap.rs`, `scalar/bloomfilter.rs`, `scalar/inverted/`).
pub fn lacks(name: &str, schema: &FieldTree) -> Option<Finding> {
    let wanted: &[&str] = match name {
        "zonemap.lance" => &[
            "min",
            "max",
            "null_count",
            "nan_count",
            "fragment_id",
            "zone_start",
            "zone_length",
        ],
        "bloomfilter.lance" => &[
            "fragment_id",
            "zone_start",
            "zone_length",
            "bloom_filter_data",
            "has_null",
        ],
        "bitmap_page_lookup.lance" => &["keys", "bitmaps"],
        name if name.ends_with("docs.lance") => &["_rowid", "_num_tokens"],
        _ => &[],
    };
    let has = |wanted: &&str| schema.index_of_path(wanted).is_some();
    let lacking = wanted.iter().find(|wanted| !has(wanted))?;
    Some(
        INFO.finding(format!("the file has no column {lacking}"))
            .instead(format!("a column {lacking}"), "none"),
    )
}

/// What is wrong with a schema in which two fields have one id: both lead to one column.
pub fn repeated_id(schema: &FieldTree) -> Option<Finding> {
    let mut ids = HashSet::default();
    let mut listed = schema.fields.iter().filter(|field| field.id >= 0);
    let twice = listed.find(|field| !ids.insert(field.id))?;
    Some(
        INFO.finding(format!("two fields of the file have the id {}", twice.id))
            .instead("ids that differ", format!("{} twice", twice.id)),
    )
}

/// What is wrong with the metadata in the schema of a file of a known name: entries that readers
/// look for and decode (lance-index `scalar/inverted/index/inverted_index.rs`,
/// `vector/ivf/storage.rs`). `globals` is how many global buffers the file has.
pub fn metadata(name: &str, metadata: &BTreeMap<String, Bytes>, globals: usize) -> Option<Finding> {
    let text = |key: &str| {
        metadata
            .get(key)
            .and_then(|value| str::from_utf8(value).ok())
    };
    let is_list = |text: &str| serde_json::from_str::<Vec<u64>>(text).is_ok();
    let is_object = |text: &str| {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
    };
    let is_buffer = |text: &str| text.parse().is_ok_and(|number: usize| number < globals);
    type Fits<'a> = &'a dyn Fn(&str) -> bool;
    let wanted: &[(&str, &str, Fits<'_>)] = match name {
        "metadata.lance" => &[
            ("params", "a JSON object", &is_object),
            ("partitions", "a JSON list of numbers", &is_list),
        ],
        "index.idx" | "auxiliary.idx" => &[(
            "lance:ivf",
            "the number of a global buffer of the file",
            &is_buffer,
        )],
        _ => &[],
    };
    let (key, expected, _) = wanted
        .iter()
        .find(|(key, _, fits)| !text(key).is_some_and(fits))?;
    let found = match text(key) {
        Some(value) => format!("{value:?}"),
        None => "none".to_string(),
    };
    Some(
        INFO.finding(format!("the metadata of the file has no usable {key:?}"))
            .instead(*expected, found),
    )
}

fn finding(index: &str, path: String, error: &Finding, others: usize) -> Finding {
    let mut place = Place {
        file: Some(path),
        ..Place::default()
    };
    let mut detail = error.message.clone();
    if let Some(inner) = error.places.first() {
        place.column = inner.column;
        place.page = inner.page;
        place.bytes = inner.bytes.clone();
        if let Some(more) = &inner.detail {
            detail = format!("{detail}: {more}");
        }
    }
    if others > 0 {
        detail = format!("{detail}; and {others} more");
    }
    place.detail = Some(detail);
    let message = match error.severity {
        Severity::Error => format!("a file of index {index:?} is damaged"),
        _ => format!(
            "a file of index {index:?} has an encoding unknown to this version of lance-lint"
        ),
    };
    let mut finding = INFO
        .finding(message)
        .severity(error.severity)
        .at(place)
        .reader(
            "to_table(filter=…) or nearest=…",
            "fails, or returns too few rows silently, where it uses the index",
        )
        .help("restore the file from a copy")
        .help(drop_index(index));
    finding.expected.clone_from(&error.expected);
    finding.found.clone_from(&error.found);
    finding
}
