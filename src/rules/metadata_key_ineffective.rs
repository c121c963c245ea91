use super::keys::{Change, change_and_copy, change_metadata};
use super::{DatasetView, FieldView, Rule, fixes};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::version::FileVersion;
use crate::typecheck::keys::{HintContext, Key, KeyInfo, Role, bad_value, idle};

rule! {
    /// A field carries an encoding key that writers do not read there. Nothing is wrong with the
    /// data. It is not stored as the key's author thinks.
    ///
    /// ## What readers do
    /// Readers read it. `write_dataset(…)` ignores the key **silently**. So it is in every
    /// Lance from 0.20, the first in which encoding keys were seen, to 14.0.2.
    ///
    /// ## How it comes about
    /// - The file version does not know the key. 2.0 knows `lance-encoding:compression`, its
    ///   level, and the keys of blobs and packed structs. 0.1 knows none.
    /// - The type has no use for it. Nothing compresses fixed-size lists, blobs and packed
    ///   structs. 2.0 compresses strings and binaries only (lance-format/lance#4967).
    /// - Another key is missing that it needs: a level without zstd, `lance-encoding:bss` without
    ///   a compression.
    /// - It stands on the wrong field. A list or struct does not hand it down to the fields that
    ///   hold the values. The schema as a whole hands down nothing. Only
    ///   `lance-encoding:structural-encoding` is read on the top-level field, and nowhere else.
    ///
    /// ## How to fix it
    /// The finding says which of these would help: move the key to the field that holds the
    /// values, write the data in a version that knows it, or take it away (pylance 14):
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// key = "lance-encoding:compression"
    /// ds.update_field_metadata({"list": {key: None}, "list.item": {key: "zstd"}})
    /// lance.write_dataset(lance.dataset(uri).scanner(), new_uri, data_storage_version="2.2")
    /// ```
    ///
    /// It may be left alone if nothing was expected of the key.
    ///
    /// ## When it is silent
    /// A value that the key cannot take is `metadata-value-invalid`. That a release does not know
    /// a key yet is the matter of `requested-encoding-unused`. A key that asks for what there is
    /// anyway disappoints no one.
    static INFO = Info "metadata-key-ineffective", "an encoding key does nothing in this file version, on this type or on this field";
}

/// See [`INFO`].
pub struct MetadataKeyIneffective;

impl Rule for MetadataKeyIneffective {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let mut keys: Vec<&str> = snapshot
            .message()
            .schema_metadata
            .keys()
            .filter_map(|key| KeyInfo::of(key))
            .map(|info| info.name)
            .collect();
        if keys.is_empty() {
            return;
        }
        keys.sort_unstable();
        findings.add(
            INFO.finding(format!(
                "the schema's own metadata has {}, which {} nothing there",
                keys.join(", "),
                if keys.len() == 1 { "does" } else { "do" }
            ))
            .at(Place {
                file: Some(snapshot.entry.path.clone()),
                ..Place::default()
            })
            .cause("Lance reads encoding keys in the metadata of fields, not of schemas")
            .help("set it on each field that it is meant for: ds.update_field_metadata({column: {key: value}})"),
        );
    }

    fn field(&self, view: &FieldView<'_>, findings: &mut Findings) {
        let Some(version) = view.version else {
            return;
        };
        let mut keys: Vec<(Key, &str, String)> = Vec::new();
        let mut role = Role::Leaf;
        for (name, value) in &view.field.metadata {
            let Some(info) = KeyInfo::of(name) else {
                continue;
            };
            let Some(asking) = HintContext::new(view.schema, view.at, version) else {
                continue;
            };
            // A value that cannot be taken is the greater fault.
            if bad_value(info.key, value, &asking).is_some() {
                continue;
            }
            role = asking.role;
            if let Some(reason) = idle(info.key, value, &asking) {
                keys.push((info.key, value, reason));
            }
        }
        let Some((_, _, first)) = keys.first() else {
            return;
        };
        let path = &view.field.path;
        let set: Vec<String> = keys
            .iter()
            .map(|(key, value, _)| format!("{} = {value}", key.name()))
            .collect();
        let cause = match keys.iter().all(|(_, _, reason)| reason == first) {
            true => first.clone(),
            false => {
                let each = keys.iter().map(|(key, _, reason)| {
                    let word = key.name().trim_start_matches("lance-encoding:");
                    format!("{word}: {reason}")
                });
                each.collect::<Vec<_>>().join("; ")
            }
        };
        let finding = INFO
            .finding(format!(
                "column `{path}` has {}, which {} nothing",
                set.join(", "),
                if keys.len() == 1 { "does" } else { "do" }
            ))
            .column(path)
            .at(view.place())
            .reader("write_dataset(…)", format!("ignores it in {version}"))
            .cause(cause);
        let away: Vec<Change<'_>> = keys.iter().map(|(key, _, _)| (key.name(), None)).collect();
        let movable = |key: Key| {
            use Key::{BlobDedicatedSize, BlobInlineSize, BlobPackFileSize, StructuralEncoding};
            !matches!(
                key,
                BlobDedicatedSize | BlobInlineSize | BlobPackFileSize | StructuralEncoding
            )
        };
        let movable = role == Role::Above && keys.iter().all(|(key, _, _)| movable(*key));
        let holder = movable.then(|| holder(view)).flatten();
        let holder = holder.filter(|at| works_at(view, *at, version, &keys));
        let holder = holder.and_then(|at| view.schema.fields.get(at));
        findings.add(match holder {
            Some(holder) => {
                let there = keys
                    .iter()
                    .map(|(key, value, _)| (key.name(), Some(*value)));
                finding.help(change_and_copy(
                    "set it on the field that holds the values",
                    &[(view.field, away), (holder, there.collect())],
                    view.schema,
                    view.version,
                ))
            }
            None => {
                let finding = finding.help_code(format!(
                    "take it away (pylance 14):\n{}",
                    change_metadata(&[(view.field, away)])
                ));
                match version < NEXT && works_at(view, view.at, NEXT, &keys) {
                    true => finding.help_all(fixes::copy(
                        &format!(
                            "or write the data to a new dataset of {NEXT}, where it has an effect"
                        ),
                        view.schema,
                        &[],
                        NEXT,
                    )),
                    false => finding,
                }
            }
        });
    }
}

/// The newest version that is stable.
const NEXT: FileVersion = FileVersion::V2_2;

/// Whether all of the keys would do something on a field, in files of a version.
fn works_at(
    view: &FieldView<'_>,
    at: usize,
    version: FileVersion,
    keys: &[(Key, &str, String)],
) -> bool {
    let asking = HintContext::new(view.schema, at, version);
    asking.is_some_and(|asking| {
        let mut keys = keys.iter();
        keys.all(|(key, value, _)| idle(*key, value, &asking).is_none())
    })
}

/// The one field below that holds values, when there is only one.
fn holder(view: &FieldView<'_>) -> Option<usize> {
    let below = view.schema.subtree(view.at).skip(1);
    let mut leaves = below.filter(|at| Role::of(view.schema, *at) == Some(Role::Leaf));
    leaves.next().filter(|_| leaves.next().is_none())
}
