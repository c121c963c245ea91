use crate::hash::HashMap;

use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::flags::BASE_PATHS;

rule! {
    /// The base paths of a shallow clone, or of a dataset in several places, are not what readers
    /// need. Either two of them have one id, or the flag that tells readers of base paths is not
    /// set.
    ///
    /// ## What readers do
    /// With two base paths of one id, `to_table()` looks for the files of both in the last one. It
    /// fails with `Not found: …/data/….lance`, or reads other files that happen to have the same
    /// names. If the right one stands last, all is read well.
    ///
    /// Without the flag (a warning), current releases read the dataset. Lance up to 0.38 looks for
    /// the files beside the manifest and does not find them.
    ///
    /// ## How it comes about
    /// These faults were seen after an edit of the manifest. Base paths have also been wrong by a
    /// bug: a clone of a clone once pointed at the wrong base (lance-format/lance#4617).
    ///
    /// ## How to fix it
    /// For two of one id, go back to a version whose base paths differ. No data is rewritten, and
    /// what was committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()  # N: the last version that is right
    /// ```
    ///
    /// For the missing flag, any commit by a current Lance sets it. This one changes no rows:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    static INFO = Error "base-path-invalid", "two base paths have one id, or readers are not told that there are any";
}

/// See [`INFO`].
pub struct BasePathInvalid;

impl Rule for BasePathInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let message = snapshot.message();
        let mut paths: HashMap<u32, &str> = HashMap::default();
        for base in &message.base_paths {
            if let Some(other) = paths.insert(base.id, &base.path) {
                findings.add(
                    INFO.finding("two base paths have one id")
                        .at(manifest_place(snapshot))
                        .instead(
                            "ids that differ",
                            format!("id {} for {other} and {}", base.id, base.path),
                        )
                        .reader(
                            "to_table()",
                            "looks for the files of both in the last: Not found, or other files of one name",
                        )
                        .help("go back to a version whose base paths differ"),
                );
            }
        }
        if !message.base_paths.is_empty() && message.reader_feature_flags & BASE_PATHS == 0 {
            findings.add(
                INFO.finding(
                    "the dataset has base paths, and the manifest does not tell old readers",
                )
                .severity(Severity::Warning)
                .at(manifest_place(snapshot))
                .instead("the feature flag “base paths”", "no such flag")
                .reader(
                    "to_table() of Lance up to 0.38",
                    "looks for the files beside the manifest: Not found",
                )
                .help("any commit by a current Lance sets the flag"),
            );
        }
    }
}
