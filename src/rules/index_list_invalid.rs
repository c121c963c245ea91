use crate::hash::{HashMap, HashSet};

use super::{DatasetView, IndexState, Rule, fixes, manifest_place};
use crate::finding::{Finding, Findings, Place, Remedy, RuleInfo, Severity};
use crate::model::index::Index;
use crate::model::logical_type::LogicalType;
use crate::model::schema::Field;
use crate::model::snapshot::Snapshot;

rule! {
    /// The list of indices in the manifest file has an entry that readers cannot take. The data
    /// itself may be sound.
    ///
    /// ## What readers do
    /// - An index has no uuid, or one of another length: `lance.dataset(uri)` fails,
    ///   `uuid field does not exist in Index metadata` or `Protobuf UUID is malformed`.
    /// - Its bitmap of fragments does not decode: `lance.dataset(uri)` fails,
    ///   `unknown cookie value`.
    /// - Its covering fields are not among its fields, do not stand last, or are all of them:
    ///   `lance.dataset(uri)` fails, `index … declares covering fields …`.
    /// - It is on a field that the schema does not have: every filter fails, whatever column it is
    ///   on. `Index referenced a field with id … which did not exist in the schema`.
    /// - It is on no field: queries are right, `compact_files()` and `optimize_indices()` panic,
    ///   `An index existed with no fields`.
    /// - One uuid stands twice (a warning): `validate()` fails, `Duplicate index id`. Filters and
    ///   appends were right wherever this was tried.
    /// - Two segments of one index are for the same fragments (a warning): `validate()` fails,
    ///   `Overlapping fragments detected`. Filters and appends were right here, too.
    ///
    /// ## How it comes about
    /// - A program dropped a column and left its index. Lance's own `drop_columns()` takes the
    ///   index away.
    /// - Segments were committed twice, or by two writers at once. `optimize_indices()` of pylance
    ///   0.21.0 made segments that overlap.
    /// - The manifest was edited.
    ///
    /// ## How to fix it
    /// If the dataset opens, drop the index and build it again. No data is rewritten:
    ///
    /// ```python
    /// lance.dataset(uri).drop_index("index")
    /// ```
    ///
    /// Of two indices with one uuid, both go by that.
    ///
    /// Any commit of a current release takes away an index of a field that is gone, and fixes the
    /// segments that `optimize_indices()` of 0.21.0 made:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// If it does not open, `restore()` fails too. Move the newest manifest away. The dataset then
    /// opens as the version before it, without what was committed since:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    static INFO = Error "index-list-invalid", "an index in the manifest is one that readers cannot take";
}

/// See [`INFO`].
pub struct IndexListInvalid;

/// The flag of covering fields that stand for themselves (lance-table `feature_flags.rs`).
const INDEPENDENT_COVERING: u64 = 1 << 13;

/// Drops an index, which has to be built again.
pub fn drop_index(name: &str) -> Remedy {
    fixes::drop_index(
        "drop the index, and build it again (no data is rewritten)",
        name,
    )
}

impl Rule for IndexListInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let unopened = fixes::move_away(snapshot, &view.around(snapshot));
        let mut uuids: HashSet<&str> = HashSet::default();
        for IndexState { index, .. } in view.indices {
            let place = Place {
                detail: Some(format!("index {:?}", index.name)),
                ..manifest_place(snapshot)
            };
            for finding in entry(snapshot, index, &unopened) {
                findings.add(finding.at(place.clone()));
            }
            if let Ok(uuid) = &index.uuid
                && !uuids.insert(uuid)
            {
                findings.add(
                    repeated(INFO.finding("two indices have one uuid"), index)
                        .at(place)
                        .instead("a uuid of its own", uuid.clone())
                        .reader("validate()", "fails: Duplicate index id")
                        .help(fixes::drop_index(
                            "drop them, and build them again (no data is rewritten; one call drops both)",
                            &index.name,
                        )),
                );
            }
        }
        overlaps(snapshot, view.indices, findings);
    }
}

/// Of rows that are in an index twice, a vector search returns both; other queries do not count them.
/// And a commit counts the fragments of such an index again, which panics for vector indices.
fn repeated(finding: Finding, index: &Index) -> Finding {
    match index.kind().is_some_and(|kind| kind.name == "vector") {
        true => finding.reader(
            "nearest=…",
            "returns rows twice silently, and so leaves out others",
        ),
        false => finding
            .severity(Severity::Warning)
            .reader("to_table(filter=…)", "returns the right rows"),
    }
}

fn entry(snapshot: &Snapshot, index: &Index, unopened: &Remedy) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Err(detail) = &index.uuid {
        found.push(
            INFO.finding(format!("index {:?} {detail}", index.name))
                .instead("a uuid of 16 bytes", detail.clone())
                .reader(
                    "lance.dataset(uri)",
                    "fails: uuid field does not exist in Index metadata, or: Protobuf UUID is malformed",
                )
                .help(unopened.clone()),
        );
    }
    if let Err(detail) = &index.fragments {
        found.push(
            INFO.finding(format!("index {:?} {detail}", index.name))
                .instead("a roaring bitmap", "something else")
                .reader("lance.dataset(uri)", "fails: unknown cookie value")
                .help(unopened.clone()),
        );
    }
    if let Some(detail) = &index.bad_details {
        found.push(
            INFO.finding(format!("index {:?} {detail}", index.name))
                .instead("details that readers of its kind take", detail.clone())
                .reader(
                    "to_table(full_text_query=…), and each filter",
                    "fails: failed to decode InvertedIndexDetails payload, or: FTS inverted index block_size must \
                     be one of 128 or 256, or: unsupported FTS format version",
                )
                .help(drop_index(&index.name)),
        );
    }
    if let Some((field, expected)) = not_for_type(snapshot, index) {
        found.push(
            INFO.finding(format!(
                "index {:?} is on column `{}`, whose type such an index cannot be of",
                index.name, field.path
            ))
            .column(&field.path)
            .instead(expected, field.type_text.clone())
            .reader(
                "a query that uses the index",
                "fails, or returns the rows that the index has for another column silently",
            )
            .help(drop_index(&index.name)),
        );
    }
    if let Some(created) = index.created_at.filter(|at| *at > NEWEST_TIME) {
        found.push(
            INFO.finding(format!("index {:?} was built at no date", index.name))
                .instead("milliseconds since 1970", created.to_string())
                .reader(
                    "lance.dataset(uri)",
                    "panics: Invalid timestamp in index metadata",
                )
                .help(unopened.clone()),
        );
    }
    if let Some(fault) = migrates(snapshot, index) {
        found.push(
            INFO.finding(format!(
                "no commit can be made because of index {:?}",
                index.name
            ))
            .instead("an index of which all is stated that a commit needs", fault)
            .reader("write_dataset(…, mode=\"append\")", MIGRATES)
            .help(unopened.clone()),
        );
    }
    if index.fields.is_empty() && !index.is_internal() {
        found.push(
            INFO.finding(format!("index {:?} is on no field", index.name))
                .instead("the fields that it is built on", "none")
                .reader(
                    "optimize_indices() and compact_files()",
                    "panic: index out of bounds, or: An index existed with no fields",
                )
                .help(drop_index(&index.name)),
        );
    }
    if let Some(fault) = covering(snapshot, index) {
        found.push(
            INFO.finding(format!("index {:?} {fault}", index.name))
                .instead(
                    "covering fields that stand behind the others",
                    format!("{:?} of {:?}", index.covering, index.fields),
                )
                .reader(
                    "lance.dataset(uri)",
                    format!("fails: index '{}' declares covering fields …", index.name),
                )
                .help(unopened.clone()),
        );
    }
    let lost = index
        .fields
        .iter()
        .find(|id| snapshot.schema.by_id(**id).is_none());
    if let Some(id) = lost.filter(|_| !index.is_internal()) {
        found.push(
            INFO.finding(format!(
                "index {:?} is on field {id}, which the schema does not have",
                index.name
            ))
            .instead("a field of the schema", format!("field {id}"))
            .reader(
                "to_table(filter=…)",
                format!(
                    "fails whatever the filter: Index referenced a field with id {id} which did not exist in \
                     the schema"
                ),
            )
            .cause("the column was dropped, and its index was left")
            .help(fixes::COMMIT_NOTHING),
        );
    }
    found
}

/// The field that an index is on, if no release builds an index of that kind on its type, and the
/// types on which one can be.
fn not_for_type<'a>(snapshot: &'a Snapshot, index: &Index) -> Option<(&'a Field, &'static str)> {
    let field = snapshot.schema.by_id(*index.fields.first()?)?;
    let is_fixed = matches!(field.logical_type, LogicalType::Fixed { .. });
    let is_text = matches!(field.logical_type, LogicalType::Variable { .. });
    let is_array = matches!(field.logical_type, LogicalType::FixedSizeList { .. });
    let is_list = field.logical_type == LogicalType::List;
    let (fits, expected) = match index.kind()?.message {
        "InvertedIndexDetails" | "NGramIndexDetails" => (!is_fixed && !is_array, "text"),
        "LabelListIndexDetails" => (!is_fixed && !is_text && !is_array, "lists"),
        "VectorIndexDetails" => (!is_fixed && !is_text, "vectors"),
        "BTreeIndexDetails" | "BitmapIndexDetails" => (!is_list && !is_array, "values, not lists"),
        _ => return None,
    };
    (!fits).then_some((field, expected))
}

/// What a commit does that counts the fragments of a vector index again.
const MIGRATES: &str =
    "panics: this method is only needed for migrating older manifests, not for this new index";

/// The last moment that `chrono`, by which Lance reads times, can tell: in milliseconds since 1970.
const NEWEST_TIME: u64 = 8_210_266_876_799_999;

/// Why a commit counts the fragments of an index again, which panics for vector indices of the
/// present format (lance `io/commit.rs`, `must_recalculate_fragment_bitmap`).
fn migrates(snapshot: &Snapshot, index: &Index) -> Option<&'static str> {
    let is_vector = index.kind().is_some_and(|kind| kind.name == "vector");
    if !is_vector || !index.files.iter().any(|(name, _)| name == "auxiliary.idx") {
        return None;
    }
    if matches!(index.fragments, Ok(None)) {
        return Some("no fragments that it is for");
    }
    let Some(writer) = &snapshot.message().writer_version else {
        return Some("no writer in the manifest");
    };
    (writer.library == "lance" && !is_semantic(&writer.version))
        .then_some("a writer whose version is none")
}

/// Whether a text is a semantic version: three numbers, and what may follow.
fn is_semantic(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u64>().is_ok())
}

/// Why covering fields are refused (lance-table `format/index.rs`).
fn covering(snapshot: &Snapshot, index: &Index) -> Option<&'static str> {
    let independent = snapshot.message().reader_feature_flags & INDEPENDENT_COVERING != 0;
    if index.covering.is_empty() || independent {
        return None;
    }
    if index.covering.iter().any(|id| !index.fields.contains(id)) {
        return Some("carries fields that are not among its own");
    }
    if index.covering.len() >= index.fields.len() {
        return Some("carries all of its fields and is keyed on none");
    }
    (!index.fields.ends_with(&index.covering)).then_some("carries fields that do not stand last")
}

/// Segments of one index must be for different fragments.
fn overlaps(snapshot: &Snapshot, indices: &[IndexState], findings: &mut Findings) {
    let mut covered: HashMap<&str, roaring::RoaringBitmap> = HashMap::default();
    let mut uuids: HashSet<&str> = HashSet::default();
    let mut fields: HashMap<&str, &[i32]> = HashMap::default();
    for IndexState { index, .. } in indices {
        let first = *fields.entry(&index.name).or_insert(&index.fields);
        if first != index.fields.as_slice() {
            findings.add(
                INFO.finding(format!(
                    "the segments of index {:?} are on different fields",
                    index.name
                ))
                .at(manifest_place(snapshot))
                .instead(format!("{first:?}"), format!("{:?}", index.fields))
                .reader(
                    "describe_indices(), and queries that use the index",
                    "fail: Index fields should be identical across all segments",
                )
                .help(drop_index(&index.name)),
            );
        }
        // A segment that is listed twice is a fault of its own.
        if let Ok(uuid) = &index.uuid
            && !uuids.insert(uuid)
        {
            continue;
        }
        let Some(bitmap) = index.covered() else {
            continue;
        };
        let all = covered.entry(&index.name).or_default();
        let twice = &*all & bitmap;
        *all |= bitmap;
        let Some(fragment) = twice.min() else {
            continue;
        };
        findings.add(
            repeated(
                INFO.finding(format!(
                    "two segments of index {:?} are for the same fragments",
                    index.name
                )),
                index,
            )
            .at(Place {
                fragment: Some(u64::from(fragment)),
                ..manifest_place(snapshot)
            })
            .instead(
                "segments for different fragments",
                format!("{} fragments in two", twice.len()),
            )
            .reader("validate()", "fails: Overlapping fragments detected")
            .cause("segments were committed twice, or by two writers at once")
            .help(drop_index(&index.name)),
        );
    }
}
