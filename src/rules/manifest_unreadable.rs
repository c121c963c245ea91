use super::{DatasetView, Rule, fixes};
use crate::finding::{Finding, Findings, Place, Remedy, RuleInfo, Severity};
use crate::format::manifest::{NO_MAGIC, NOT_AT_END, UnreadableManifest};
use crate::format::sniff::Looks;
use crate::rules::data_file_unreadable::{looks_clause, looks_detail};

rule! {
    /// A manifest is damaged, missing, or not a manifest at all. Without it, nothing says which
    /// files make up that version of the dataset.
    ///
    /// ## What readers do
    /// `lance.dataset(uri)` opens the newest manifest and fails. What it says depends on the
    /// damage: `file size is too small`, `does not have sufficient data`,
    /// `Invalid range 0..0 for object of size 0 bytes` or `failed to decode Protobuf message`. If
    /// the position at the end of the file is wrong, it panics with
    /// `range end index … out of range for slice`. If no manifest is left, it fails with
    /// `Dataset at path … was not found`.
    ///
    /// Older versions still open by number. If a manifest lacks nothing but the letters LANC at
    /// its end, the dataset opens and takes commits, and `versions()` and `cleanup_old_versions()`
    /// fail for good: `Invalid format: magic number does not match`. When another version is the
    /// newest, or the version is one of a branch, it does not open.
    ///
    /// lance-lint uses what it can read: the parts of a damaged manifest that decode, or else the
    /// newest version that has a readable one.
    ///
    /// ## How it comes about
    /// - An upload or a copy was cut short.
    /// - A Git LFS pointer stands in place of the file.
    /// - A disk went bad.
    /// - The dataset was created or dropped halfway, or was copied without `_versions`
    ///   (lancedb/lancedb#3127).
    ///
    /// ## How to fix it
    /// Restore the file from a copy. For a Git LFS pointer, run `git lfs pull`.
    ///
    /// Without a copy, move the broken file away (the finding names it). The dataset then opens as
    /// the version before it, without what was committed since:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    ///
    /// If only the letters LANC are missing, put them back:
    ///
    /// ```python
    /// with open(f"{uri}/_versions/N.manifest", "r+b") as file:
    ///     file.seek(-4, 2)
    ///     file.write(b"LANC")
    /// ```
    ///
    /// If no older version is there, only a copy of `_versions` helps. The data files can be read
    /// one by one.
    static INFO = Error "manifest-unreadable", "a manifest is damaged, missing or not a manifest";
}

/// See [`INFO`].
pub struct ManifestUnreadable;

impl Rule for ManifestUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for broken in view.broken {
            let (what, size) = describe(&broken.error);
            let looks = match &broken.error {
                UnreadableManifest::NotManifest { looks, .. } => Some(looks),
                UnreadableManifest::Storage(_) => None,
            };
            let lfs = matches!(looks, Some(Looks::LfsPointer { .. }));
            let place = Place {
                file: Some(broken.entry.path.clone()),
                bytes: size.map(|size| 0..size),
                detail: looks.and_then(looks_detail),
                ..Place::default()
            };
            let finding = INFO
                .finding(match lfs {
                    // A checkout without Git LFS is one fault of all manifests.
                    true => format!("a manifest {what}"),
                    false => format!("the manifest of version {} {what}", broken.entry.version),
                })
                .at(place)
                .instead("a manifest that ends in its position and LANC", what)
                .reader("lance.dataset(uri)", effect(&broken.error));
            if lfs {
                findings.add(
                    finding
                        .cause("the repository was checked out without Git LFS")
                        .help("git lfs pull"),
                );
                continue;
            }
            let older = view
                .versions
                .iter()
                .rev()
                .find(|v| **v < broken.entry.version);
            findings.add(match older {
                Some(older) => finding.help(Remedy::with_code(format!(
                    "restore the file from a copy, or move it away: the dataset then opens as \
                     version {older}, without what was committed since:\n\
                     mv {} {}.broken",
                    broken.entry.path, broken.entry.path
                ))),
                None => finding.help("restore the file from a copy; there is no older version"),
            });
        }
        if view.snapshot.is_none() && view.broken.is_empty() {
            findings.add(
                INFO.finding("the dataset has no manifest")
                    .at(Place {
                        file: Some("_versions".to_string()),
                        ..Place::default()
                    })
                    .instead("at least one manifest in _versions", "none")
                    .reader("lance.dataset(uri)", "fails: Dataset at path … was not found")
                    .cause(
                        "the dataset was created or dropped halfway, or copied without _versions",
                    )
                    .help("restore _versions from a copy; the data files by themselves are listed below"),
            );
        }
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let faults = &snapshot.manifest.faults;
        let unmarked = faults.iter().all(|fault| fault.detail == NO_MAGIC);
        for fault in faults {
            let finding = INFO
                .finding(format!(
                    "the manifest of version {} is damaged; what can be read of it is used",
                    snapshot.version()
                ))
                .at(Place {
                    file: Some(snapshot.entry.path.clone()),
                    bytes: fault.range.clone(),
                    detail: Some(fault.detail.clone()),
                    ..Place::default()
                })
                .instead("a manifest that decodes", "one that does in part");
            let path = &snapshot.entry.path;
            // What is opened without its number is not looked at as closely.
            let by_number = view.around(snapshot).newer || snapshot.message().branch.is_some();
            let gets_by = |finding: Finding, error: &str| match by_number {
                true => finding
                    .reader(
                        format!("lance.dataset(uri, version={})", snapshot.version()),
                        format!("fails: Invalid format: {error}"),
                    )
                    .reader(
                        "versions() and cleanup_old_versions()",
                        format!("fail: Invalid format: {error}"),
                    ),
                false => finding.severity(Severity::Warning).reader(
                    "versions() and cleanup_old_versions()",
                    format!(
                        "fail: Invalid format: {error}; the dataset opens, reads and takes commits"
                    ),
                ),
            };
            if fault.detail == NOT_AT_END {
                findings.add(
                    gets_by(finding, "manifest length does not match")
                        .help("restore the file from a copy"),
                );
                continue;
            }
            findings.add(match unmarked {
                true => gets_by(finding, "magic number does not match").help(Remedy::with_code(
                    format!(
                        "put its last four letters back:\n\
                     with open(f\"{{uri}}/{path}\", \"r+b\") as file:\n    \
                         file.seek(-4, 2)\n    \
                         file.write(b\"LANC\")"
                    ),
                )),
                false => finding
                    .reader(
                        "lance.dataset(uri)",
                        "fails: failed to decode Protobuf message",
                    )
                    .help("restore the file from a copy")
                    .help(fixes::move_away(snapshot, &view.around(snapshot))),
            });
        }
    }
}

/// What `lance.dataset(uri)` does.
fn effect(error: &UnreadableManifest) -> &'static str {
    match error {
        UnreadableManifest::Storage(_) => "fails",
        UnreadableManifest::NotManifest { size: 0, .. } => {
            "fails: Invalid range 0..0 for object of size 0 bytes"
        }
        UnreadableManifest::NotManifest {
            ends_well: true, ..
        } => {
            "panics: range end index … out of range for slice of length …, or fails: failed to decode \
             Protobuf message"
        }
        UnreadableManifest::NotManifest { .. } => {
            "fails: file size is too small, or: does not have sufficient data"
        }
    }
}

fn describe(error: &UnreadableManifest) -> (String, Option<u64>) {
    match error {
        UnreadableManifest::Storage(error) => (format!("cannot be read ({error})"), None),
        UnreadableManifest::NotManifest {
            size,
            looks,
            detail,
            ..
        } => {
            let what = looks_clause(looks, *size).unwrap_or_else(|| detail.clone());
            (what, Some(*size))
        }
    }
}
