use super::{DatasetView, Rule, fixes};
use crate::finding::{Findings, Place, RuleInfo, Severity};
use crate::model::flags::{Flag, NON_REUSABLE_FIELD_IDS, flags};

rule! {
    /// The manifest sets a feature flag that Lance 14.0.2, as released, refuses. Feature flags are
    /// bits that tell a reader or writer what it must know before it touches the dataset.
    ///
    /// ## What readers do
    /// `lance.dataset(uri)` fails with the sum of all flags and no names:
    ///
    /// ```text
    /// This dataset cannot be read by this version of Lance. … Flags: 64
    /// ```
    ///
    /// For writer flags the dataset opens and reads, and `write_dataset(…, mode="append")` fails
    /// with `This dataset cannot be written by this version of Lance … Flags: …`.
    ///
    /// A flag that readers refuse by name is an error. One that is newer than Lance 14.0.2 is a
    /// warning, since a newer reader may know it. A flag that stands in the way of writers only is
    /// an info.
    ///
    /// ## How it comes about
    /// - “data overlay files” (64) needs `LANCE_ENABLE_UNSTABLE_DATA_OVERLAY_FILES=1` in the
    ///   environment.
    /// - “fragment reuse with stable row ids” (512), “fragment tree” (4096), “independent covering
    ///   fields” (8192) and “zone write seeds” (65536) are switched off in released builds.
    /// - “object metadata” (131072) is refused by released builds.
    /// - “non-reusable field ids” (32768) is a writer flag, and is refused among the reader flags.
    /// - Flags above those belong to a newer Lance.
    ///
    /// ## How to fix it
    /// Use a release that knows the flag.
    ///
    /// Or go back to a version without it. No data is rewritten, and what was committed since is
    /// left behind. With a release that knows the flag, that is
    /// `lance.dataset(uri, version=N).restore()`. Without one, move the newest manifests away
    /// until the dataset opens:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    ///
    /// ## When it is silent
    /// Flags that Lance 14.0.2 takes are named in the header and are no finding.
    static INFO = Error "feature-flag", "the manifest sets a feature flag that readers refuse";
}

/// See [`INFO`].
pub struct FeatureFlag;

impl Rule for FeatureFlag {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let message = snapshot.message();
        let place = || Place {
            file: Some(snapshot.entry.path.clone()),
            ..Place::default()
        };
        let words = [
            ("read", message.reader_feature_flags),
            ("written", message.writer_feature_flags),
        ];
        for (verb, word) in words {
            for flag in flags(word) {
                // This one is a writer flag only: it stands in no one's way there.
                let writer_only = verb == "written" && 1 << flag.bit == NON_REUSABLE_FIELD_IDS;
                let Some(obstacle) = flag.obstacle.filter(|_| !writer_only) else {
                    continue;
                };
                // What cannot be read is said once, not again for writing.
                if verb == "written" && message.reader_feature_flags >> flag.bit & 1 == 1 {
                    continue;
                }
                let finding = refused(&flag, verb, obstacle, word).at(place());
                findings.add(match verb {
                    "read" => finding.help(fixes::move_away(snapshot, &view.around(snapshot))),
                    _ => finding.help(
                        "with a release that knows the flag, go back to a version without it",
                    ),
                });
            }
        }
    }
}

fn refused(flag: &Flag, verb: &str, obstacle: &str, word: u64) -> crate::finding::Finding {
    let (severity, call) = match (verb, flag.name) {
        // A newer reader may know the flag: that is not the dataset's fault.
        ("read", Some(_)) => (Severity::Error, "lance.dataset(uri)"),
        ("read", None) => (Severity::Warning, "lance.dataset(uri)"),
        _ => (Severity::Info, "write_dataset(…, mode=\"append\")"),
    };
    let label = flag.label();
    INFO.finding(format!(
        "the dataset cannot be {verb} by Lance 14.0.2: its manifest sets the feature flag “{label}”, which {obstacle}"
    ))
    .severity(severity)
    .instead("no such flag", label)
    .reader(
        call,
        format!("fails: This dataset cannot be {verb} by this version of Lance … Flags: {word}"),
    )
    .help("use a Lance release that knows the flag")
}
