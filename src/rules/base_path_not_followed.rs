use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, RuleInfo};
use crate::redact::without_credentials;

rule! {
    /// The manifest has a base path that lance-lint does not follow. What is behind it was not
    /// looked at: neither data files, nor deletion files, nor indices.
    ///
    /// ## What readers do
    /// Lance follows each base path, with the storage options that it was given.
    ///
    /// ## How it comes about
    /// Whoever writes a manifest decides where its base paths lead, and could have this machine
    /// read any place with any credentials it has. So a base path is followed only
    /// - in the store that the dataset is in: the same bucket or container,
    /// - on this machine, where the dataset is on it too and what is there looks like data of
    ///   Lance; with `--untrusted`, in the dataset's own folder only,
    /// - where `--allow-base` says so.
    ///
    /// A dataset in a store never leads to files of this machine. Base paths on web servers, and
    /// in stores that lance-lint cannot read, are not followed either.
    ///
    /// ## How to fix it
    /// If you trust what the base path leads to, allow it. All that is below it is allowed too,
    /// with the credentials that the storage options and the environment give:
    ///
    /// ```text
    /// lance-lint images.lance --allow-base s3://other-bucket/images.lance
    /// ```
    static INFO = Info "base-path-not-followed", "a base path leads where lance-lint does not follow by itself";
}

/// See [`INFO`].
pub struct BasePathNotFollowed;

impl Rule for BasePathNotFollowed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        for base in &snapshot.message().base_paths {
            let Some(unfollowed) = snapshot.unfollowed(base.id) else {
                continue;
            };
            let finding = INFO
                .finding(format!(
                    "what is behind base path {} was not looked at: {}",
                    base.id, unfollowed.why
                ))
                .at(manifest_place(snapshot))
                .instead("a place that is followed", without_credentials(&base.path));
            findings.add(match unfollowed.can_be_allowed {
                true => {
                    finding.help("if you trust what it leads to, add --allow-base with that path")
                }
                false => finding,
            });
        }
    }
}
