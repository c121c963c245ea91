use std::collections::BTreeMap;

use super::{DatasetView, Rule, fixes, manifest_place};
use crate::finding::{Finding, Findings, Place, Remedy, RuleInfo};
use crate::model::flags::MIXED_VERSIONS;
use crate::model::snapshot::{Snapshot, stated_version};
use crate::model::version::FileVersion;

rule! {
    /// The data files of the dataset are not all of the version that the manifest states. Either
    /// the flag that allows a mixture is not set, or 0.1 and 2.x are mixed, which nothing allows.
    ///
    /// ## What readers do
    /// Lance before 12.0 does not look, and reads each file as what it is, if the manifest states
    /// a version. Later releases refuse the whole dataset. `lance.dataset(uri)` fails with one of
    /// these:
    ///
    /// ```text
    /// Data file … has version …, but the manifest default is … and mixed data-file-version
    /// capability is not enabled
    /// V1 and V2 storage versions cannot be mixed
    /// All data files must have the same version. Detected both … and …
    /// Dataset has mixed data-file-version capability enabled but references V1 data files
    /// ```
    ///
    /// A manifest that states 0.1 over files of 2.x opens, and scans are right. Each filter fails:
    /// `Cannot open file … with the v1 reader because it has version …`. If files of 0.1 are among
    /// them, any write fails: `The dataset contains a mixture of file versions …`. If not, appends
    /// fail until some other commit has corrected the manifest. An append by Lance 0.16 makes a
    /// mixture of it.
    ///
    /// ## How it comes about
    /// - Fragments that another Lance wrote were registered (`LanceOperation.Append`).
    /// - Lance up to 0.16 did it by itself: an update of a 2.0 dataset wrote files of 0.1. Lance
    ///   0.16.0 committed fragments of 2.0 as 0.1. See also lance-format/lance#2756.
    ///
    /// ## How to fix it
    /// For files of one version under a manifest that states 0.1, a commit that changes nothing
    /// corrects it:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// Else go back to the last version of one kind, without what was committed since. If the
    /// dataset opens, that is `lance.dataset(uri, version=N).restore()`. If it does not,
    /// `restore()` fails too. Move the newest manifests away then:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    ///
    /// Or read it with a release that still does, Lance 11 or before if all files are of 2.x, and
    /// write it again:
    ///
    /// ```python
    /// lance.write_dataset(lance.dataset(uri).to_table(), other_uri)
    /// ```
    static INFO = Error "file-versions-mixed", "data files are of several versions, which the manifest does not allow";
}

/// See [`INFO`].
pub struct FileVersionsMixed;

impl Rule for FileVersionsMixed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        // Each version with the first fragment and file of it, and how many files there are.
        let mut versions: BTreeMap<FileVersion, (u64, &str, u64)> = BTreeMap::new();
        for fragment in &snapshot.message().fragments {
            for file in &fragment.files {
                let Some(version) = stated_version(file) else {
                    continue;
                };
                let first = (fragment.id, file.path.as_str(), 0);
                versions.entry(version).or_insert(first).2 += 1;
            }
        }
        let tolerated = is_tolerated(snapshot, &versions);
        let (call, effect) = match refused(snapshot, &versions) {
            Some(effect) => ("lance.dataset(uri)", effect),
            None if tolerated => (
                "to_table(filter=…), and any write",
                format!(
                    "fails: Cannot open file … with the v1 reader because it has version …, or: The dataset contains a mixture of file versions … All data files must have the same \
                     version. Detected both 0.1 and {}",
                    versions
                        .keys()
                        .next_back()
                        .map_or_else(String::new, ToString::to_string)
                ),
            ),
            None => {
                findings.extend(understated(snapshot, &versions));
                return;
            }
        };
        let odd = versions
            .iter()
            .filter(|(version, _)| Some(**version) != snapshot.storage_version())
            .map(|(_, first)| *first)
            .next();
        let counted: Vec<String> = versions
            .iter()
            .map(|(version, (.., files))| {
                let noun = if *files == 1 { "file" } else { "files" };
                format!("{files} {noun} of {version}")
            })
            .collect();
        let place = match odd {
            Some((fragment, path, _)) => Place {
                fragment: Some(fragment),
                file: Some(format!("data/{path}")),
                ..Place::default()
            },
            None => manifest_place(snapshot),
        };
        let stated = snapshot.message().data_format.as_ref();
        let finding = INFO
            .finding("data files are of versions that the dataset does not allow")
            .at(place)
            .instead(
                match stated {
                    Some(format) => {
                        format!("files of {}, as the manifest states", format.version)
                    }
                    None => "files of one version, as the manifest states none".to_string(),
                },
                counted.join(", "),
            )
            .reader(call, effect)
            .cause("files of another Lance release or version were registered in the dataset")
            .help(match tolerated {
                true => fixes::GO_BACK.into(),
                false => fixes::move_away(snapshot, &view.around(snapshot)),
            });
        // Of files of 2.x alone, releases before 12.0 read each as what it is.
        let reader = match (tolerated, versions.contains_key(&FileVersion::V0_1)) {
            (true, _) => Some(""),
            (false, false) => Some(" with Lance 11 or before"),
            (false, true) => None,
        };
        findings.add(match reader {
            Some(reader) => {
                finding.help_all(fixes::copy_code(&snapshot.schema, &[], None).map(|code| {
                    Remedy::with_code(format!(
                        "or read it{reader}, and write it to a new dataset ({}):\n{code}",
                        fixes::COPY_LACKS
                    ))
                }))
            }
            None => finding,
        });
    }
}

/// What a reader of 14.0.2 says, when it refuses (lance `dataset/versions/mod.rs`; lance-table
/// `format/fragment.rs`, `try_infer_version`).
fn refused(
    snapshot: &Snapshot,
    versions: &BTreeMap<FileVersion, (u64, &str, u64)>,
) -> Option<String> {
    let message = snapshot.message();
    // Half a flag has a rule of its own.
    let either = message.reader_feature_flags | message.writer_feature_flags;
    let mixed = either & MIXED_VERSIONS != 0;
    let legacy = versions.contains_key(&FileVersion::V0_1);
    let modern = versions.keys().any(|version| *version != FileVersion::V0_1);
    let (first, last) = (versions.keys().next()?, versions.keys().next_back()?);
    let several = first != last;
    let all_one = format!(
        "fails: All data files must have the same version. Detected both {first} and {last}"
    );
    let stated = match &message.data_format {
        None => return several.then_some(all_one),
        Some(format) => FileVersion::from_name(&format.version)?,
    };
    if mixed {
        return legacy.then(|| {
            "fails: Dataset has mixed data-file-version capability enabled but references V1 data files"
                .to_string()
        });
    }
    if stated == FileVersion::V0_1 {
        // Lance 0.16 wrote such, and they are read.
        let read = legacy && modern || !several;
        return (!read).then_some(all_one);
    }
    if legacy {
        return Some("fails: V1 and V2 storage versions cannot be mixed".to_string());
    }
    let odd = versions.keys().find(|version| **version != stated)?;
    Some(format!(
        "fails: Data file … has version {odd}, but the manifest default is {stated} and mixed \
         data-file-version capability is not enabled"
    ))
}

/// Whether readers put up with a mixture, as Lance 0.16 wrote it, that no writer goes on with.
fn is_tolerated(snapshot: &Snapshot, versions: &BTreeMap<FileVersion, (u64, &str, u64)>) -> bool {
    let stated = snapshot.message().data_format.as_ref();
    let stated = stated.and_then(|format| FileVersion::from_name(&format.version));
    stated == Some(FileVersion::V0_1)
        && versions.contains_key(&FileVersion::V0_1)
        && versions.len() > 1
}

/// A manifest that states 0.1 while all files are of one later version.
fn understated(
    snapshot: &Snapshot,
    versions: &BTreeMap<FileVersion, (u64, &str, u64)>,
) -> Option<Finding> {
    let stated = snapshot.message().data_format.as_ref()?;
    let only = versions.keys().next().filter(|_| versions.len() == 1)?;
    let low = FileVersion::from_name(&stated.version)? == FileVersion::V0_1;
    (low && *only != FileVersion::V0_1).then(|| {
        INFO.finding(format!(
            "the manifest states version 0.1, and all data files are of {only}"
        ))
        .at(manifest_place(snapshot))
        .reader(
            "to_table(filter=…)",
            format!(
                "fails: Cannot open file … with the v1 reader because it has version {only}"
            ),
        )
        .reader(
            "an append by Lance 0.16",
            "writes files of 0.1, which no later release writes on with",
        )
        .reader(
            "write_dataset(…, mode=\"append\")",
            format!(
                "fails: The dataset contains a mixture of file versions … Detected both {only} and 0.1"
            ),
        )
        .cause("Lance 0.16.0 committed fragments of 2.0 so")
        .help(fixes::COMMIT_NOTHING)
    })
}
