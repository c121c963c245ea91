use super::keys::{Change, change_and_copy, change_metadata};
use super::{FieldSource, FieldView, Rule};
use crate::finding::{Finding, Findings, Remedy, RuleInfo, Severity};
use crate::model::readers::{NEWEST, NEWEST_TEXT};
use crate::model::schema::IGNORE_KEY;
use crate::typecheck::keys::{KEYS, KeyInfo, misspelt};

rule! {
    /// A field carries a metadata key that is meant for Lance, or nearly so, and that no Lance up
    /// to 14.0.2 knows. It begins with `lance-encoding:` or `lance-schema:`, or with nearly one of
    /// those.
    ///
    /// ## What readers do
    /// Nothing is wrong with the data, and readers read it. It is the writer that does something:
    /// `write_dataset(…)` ignores the key **silently**. The data is written as if the key
    /// were not there. So did every release from 0.20, the first in which encoding keys were seen,
    /// to 14.0.2.
    ///
    /// ## How it comes about
    /// - A slip of the pen: `lance-encoding:compresion`.
    /// - Other capitals or separators. Keys are case sensitive.
    /// - Documentation of something that is not Lance.
    ///
    /// If a Lance later than 14 wrote the dataset, it may know the key. This is an info then.
    ///
    /// ## How to fix it
    /// Put the right key in the place of the wrong one (pylance 14). Then write the data again,
    /// since an encoding key takes effect when data is written:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// keys = {"lance-encoding:compresion": None, "lance-encoding:compression": "zstd"}
    /// ds.update_field_metadata({"column": keys})
    /// lance.write_dataset(lance.dataset(uri).scanner(), new_uri)
    /// ```
    ///
    /// If no key is like it, take it away: give `None` for it and nothing else. No data is
    /// rewritten.
    ///
    /// ## When it is silent
    /// Keys that do not begin like Lance's are no concern of this rule. A bare `compression` is
    /// your own.
    static INFO = Warning "metadata-key-unknown", "a metadata key is meant for Lance, and no Lance knows it";
}

/// How the keys of lance-lint itself begin.
const OURS: &str = "lance-lint:";

/// See [`INFO`].
pub struct MetadataKeyUnknown;

impl Rule for MetadataKeyUnknown {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn field(&self, view: &FieldView<'_>, findings: &mut Findings) {
        for (key, value) in &view.field.metadata {
            if key.starts_with(OURS) && key != IGNORE_KEY {
                findings.add(not_ours(view, key, value));
            }
            let Some(misspelt) = misspelt(key) else {
                continue;
            };
            let path = &view.field.path;
            let finding = INFO
                .finding(format!(
                    "column `{path}` has the metadata key {key:?}, which no Lance up to \
                     {NEWEST_TEXT} knows"
                ))
                .column(path)
                .at(view.place())
                .reader("write_dataset(…)", "ignores the key silently");
            let later = match view.source {
                FieldSource::Dataset(snapshot) => snapshot.is_written_by_later(NEWEST.0),
                FieldSource::File(_) => false,
            };
            if later {
                findings.add(
                    finding
                        .severity(Severity::Info)
                        .cause("the dataset was written by a later Lance, which may know the key"),
                );
                continue;
            }
            findings.add(match misspelt.meant {
                Some(meant) => {
                    let mut changes = vec![(key.as_str(), None)];
                    if !view.field.metadata.contains_key(meant) {
                        changes.push((meant, Some(value.as_str())));
                    }
                    finding
                        .instead(meant, key.as_str())
                        .cause(format!("it is nearly {meant}, which Lance knows"))
                        .help(renamed(view, changes, meant))
                }
                None => {
                    let known: Vec<&str> = KEYS
                        .iter()
                        .map(|info| info.name.trim_start_matches("lance-encoding:"))
                        .collect();
                    finding
                        .instead(
                            format!("one of lance-encoding: {}", known.join(", ")),
                            key.as_str(),
                        )
                        .help(Remedy::with_code(format!(
                            "take the key away (pylance 14):\n{}",
                            change_metadata(&[(view.field, vec![(key.as_str(), None)])])
                        )))
                }
            });
        }
    }
}

/// Python that gives a key its right name; encoding keys take effect when data is written.
fn renamed(view: &FieldView<'_>, changes: Vec<Change<'_>>, meant: &str) -> Remedy {
    let changes = [(view.field, changes)];
    match KeyInfo::of(meant) {
        Some(_) => change_and_copy(
            "name the key as Lance does",
            &changes,
            view.schema,
            view.version,
        ),
        None => Remedy::with_code(format!(
            "name the key as Lance does (pylance 14):\n{}",
            change_metadata(&changes)
        )),
    }
}

/// A key that is meant for lance-lint.
fn not_ours(view: &FieldView<'_>, key: &str, value: &str) -> Finding {
    let path = &view.field.path;
    let mut changes = vec![(key, None)];
    if !view.field.metadata.contains_key(IGNORE_KEY) {
        changes.push((IGNORE_KEY, Some(value)));
    }
    INFO.finding(format!(
        "column `{path}` has the metadata key {key:?}, which lance-lint does not know"
    ))
    .column(path)
    .at(view.place())
    .instead(IGNORE_KEY, key)
    .help(Remedy::with_code(format!(
        "name the key as lance-lint does (pylance 14):\n{}",
        change_metadata(&[(view.field, changes)])
    )))
}
