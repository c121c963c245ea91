use super::{DatasetView, Rule, fixes, manifest_place};
use crate::finding::{Findings, Place, RuleInfo, Severity};
use crate::format::manifest::{NO_INDICES, Section};
use crate::model::snapshot::Snapshot;

rule! {
    /// A manifest file holds two more things before the manifest proper: the list of indices, and
    /// what the commit did (the transaction). The manifest says at which byte each begins. One of
    /// the two is not there, or does not decode.
    ///
    /// ## What readers do
    /// Where the section lies in the last 64 KiB of the file, readers meet it when they open the
    /// dataset. Else they meet it when they need it.
    ///
    /// - A garbled list of indices: `lance.dataset(uri)` fails with
    ///   `failed to decode Protobuf message`, or panics with
    ///   `range end index … out of range for slice`.
    /// - A list of indices beyond the end of the file: the dataset opens. Every filter fails with
    ///   `file size is too small`. So do `validate()` and appends.
    /// - A transaction at the wrong byte in the last 64 KiB: `lance.dataset(uri)` panics with
    ///   `range end index … out of range for slice`. With Lance 1.0 to 11 it fails.
    /// - Any other broken transaction: only `read_transaction()` fails.
    /// - An empty list of indices: the dataset opens, and full-text searches fail. No release
    ///   writes such a list.
    ///
    /// The manifest of a 0.1 dataset also holds the values of its dictionaries. If they are not
    /// where the schema says, `lance.dataset(uri)` fails with
    /// `Invalid range … for object of size …`, or `to_table()` returns other values **silently**,
    /// or the process aborts.
    ///
    /// ## How it comes about
    /// A manifest was put together from parts of several, or edited by a tool that does not know
    /// these sections.
    ///
    /// ## How to fix it
    /// Where the dataset opens, a broken transaction is fixed by any commit of a current release.
    /// It writes a transaction of its own. This one changes no rows:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// A broken list of indices is taken over by commits. Restore the manifest from a copy. Or
    /// move it away, and the dataset opens as the version before it, without what was committed
    /// since:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    static INFO = Error "manifest-section-corrupt", "the list of indices or the transaction in a manifest file cannot be read";
}

/// See [`INFO`].
pub struct ManifestSectionCorrupt;

impl Rule for ManifestSectionCorrupt {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let sections = [
            (
                "list of indices",
                "fails or panics at a garbled list (failed to decode Protobuf message); every filter fails: file \
                 size is too small",
                broken(&snapshot.manifest.indices),
            ),
            (
                "transaction",
                "panics where it lies in the last 64 KiB (range end index … out of range for slice), and fails \
                 with Lance 1.0 to 11; else only read_transaction() fails",
                broken(&snapshot.manifest.transaction),
            ),
        ];
        for (what, effect, fault) in sections {
            let Some((position, detail)) = fault else {
                continue;
            };
            let effect = match detail {
                NO_INDICES => {
                    "opens; to_table(full_text_query=…) fails: Cannot perform full text search unless an \
                     INVERTED index has been created; other queries scan all rows"
                }
                _ => effect,
            };
            let finding = INFO
                .finding(format!("the {what} in the manifest file cannot be read"))
                .at(Place {
                    bytes: Some(position..snapshot.manifest.size.max(position)),
                    detail: Some(format!("the {what} {detail}")),
                    ..manifest_place(snapshot)
                })
                .instead(
                    format!("the {what} at byte {position}"),
                    "something else".to_string(),
                )
                .reader("lance.dataset(uri)", effect);
            let finding = match what == "transaction" && !panics(snapshot, position, detail) {
                true => finding.severity(Severity::Warning),
                false => finding,
            };
            // A commit writes a transaction of its own, and takes the list of indices over.
            let finding = match what {
                "transaction" => finding.help(fixes::COMMIT_NOTHING),
                _ => finding,
            };
            findings.add(
                finding.help("restore the manifest from a copy, or go back to an older version"),
            );
        }
        for fault in &snapshot.manifest.dictionaries {
            let field = snapshot.schema.by_id(fault.field);
            let path = field.map_or("", |field| &field.path);
            findings.add(
                INFO.finding(format!(
                    "the dictionary of column `{path}` is not where the schema says"
                ))
                .column(path)
                .at(Place {
                    bytes: Some(fault.position..snapshot.manifest.size.max(fault.position)),
                    detail: Some(format!("the dictionary {}", fault.detail)),
                    ..manifest_place(snapshot)
                })
                .instead(
                    format!("a dictionary at byte {}", fault.position),
                    "something else",
                )
                .reader(
                    "to_table()",
                    "returns other values silently, aborts, or fails: failed to fill whole buffer",
                )
                .help("restore the manifest from a copy, or go back to an older version"),
            );
        }
    }
}

/// Whether a reader panics over a transaction: one that begins in the last 64 KiB, which it has read,
/// and would end behind the file (seen with pylance 14.0.2).
fn panics(snapshot: &Snapshot, position: u64, detail: &str) -> bool {
    let size = snapshot.manifest.size;
    let read = size.saturating_sub(64 * 1024)..size;
    read.contains(&position) && !detail.starts_with("does not decode")
}

fn broken<M>(section: &Section<M>) -> Option<(u64, &str)> {
    match section {
        Section::Broken(position, detail) => Some((*position, detail)),
        _ => None,
    }
}
