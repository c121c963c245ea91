use super::{DatasetView, Rule, manifest_place, mends};
use crate::finding::{Findings, Place, RuleInfo};
use crate::format::manifest::Section;

rule! {
    /// Before the manifest proper its file holds the list of indices and what the commit did (the
    /// transaction), and the manifest says at which byte. One of the two is not there or does not
    /// decode. Where the section lies in the last 64 KiB, readers panic or fail when they open the
    /// dataset; else when they list indices, which every filter does.
    ///
    /// It comes about when a manifest was put together from parts of several, or edited by a tool that
    /// does not know the sections.
    static INFO = Error "manifest-section-unreadable", "the list of indices or the transaction in a manifest file cannot be read";
}

/// See [`INFO`].
pub struct ManifestSectionUnreadable;

impl Rule for ManifestSectionUnreadable {
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
            // A commit writes a transaction of its own, and takes the list of indices over.
            let finding = match what {
                "transaction" => finding.mend(mends::COMMIT_NOTHING),
                _ => finding,
            };
            findings.add(
                finding.mend("restore the manifest from a copy, or go back to an older version"),
            );
        }
    }
}

fn broken<M>(section: &Section<M>) -> Option<(u64, &str)> {
    match section {
        Section::Broken(position, detail) => Some((*position, detail)),
        _ => None,
    }
}
