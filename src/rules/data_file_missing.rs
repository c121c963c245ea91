use super::{FileFault, FileView, Rule, fixes};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::format::data_file::Unreadable;
use crate::model::snapshot::{BaseError, Snapshot};
use crate::storage::StorageError;

rule! {
    /// The manifest names a data file that is not there. The rows or columns in it cannot be read.
    ///
    /// ## What readers do
    /// The dataset opens and counts its rows. Every scan of that fragment fails:
    /// `Not found: …/data/….lance`. If the file is said to be behind a base path that the manifest
    /// does not have, the message is `base_path id … not found`.
    ///
    /// ## How it comes about
    /// - A copy was interrupted.
    /// - Files were deleted by hand or by a lifecycle rule.
    /// - A cleanup removed files of a commit that had landed (lance-format/lance#8123,
    ///   lance-format/lance#7722).
    /// - The dataset that a shallow clone was made from has moved or is gone. Or it was compacted
    ///   and cleaned up: `cleanup_old_versions()` does not know of shallow clones. It keeps
    ///   versions that have a tag, so tag the version that you clone.
    /// - The dataset was moved. Its branches hold the absolute path that it had when they were
    ///   made.
    /// - A distributed write committed files that were never there (lance-format/lance#6694).
    ///
    /// ## How to fix it
    /// Restore the file from a copy. For a clone or a branch whose base path leads nowhere, put
    /// the dataset back where it was, or a link that leads to where it is now.
    ///
    /// Or go back to a version that does not name the file, or that has the base path. What was
    /// committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// Where two base paths have one id, `base-path-invalid` speaks instead, and for a base path
    /// where lance-lint does not look `base-path-not-followed`.
    static INFO = Error "data-file-missing", "the manifest names a data file that is not there";
}

/// See [`INFO`].
pub struct DataFileMissing;

impl Rule for DataFileMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let base = view.entry.and_then(|entry| entry.base_id);
        // Which of two bases of one id is meant is the matter then.
        let named = |id: u32| {
            let bases = view.snapshot.map_or(&[][..], |s| &s.message().base_paths);
            bases.iter().filter(|base| base.id == id).count()
        };
        if base.is_some_and(|id| named(id) > 1) {
            return;
        }
        let finding = match view.state {
            Err(FileFault::Unreadable(Unreadable::Storage(
                StorageError::NotFound | StorageError::NotDirectory,
            ))) => {
                let finding = INFO
                    .finding("a data file that the manifest names is not there")
                    .instead("the file", "nothing")
                    .reader("to_table()", "fails: Not found: …/data/….lance");
                let snapshot = view.snapshot;
                match base.and_then(|id| Some((id, snapshot?))) {
                    Some((id, snapshot)) => behind_base(finding, snapshot, id),
                    None => finding
                        .help("restore the file from a copy")
                        .help_all(snapshot.map(|snapshot| {
                            fixes::drop_fragments(
                                "or, if there is no copy, give up all rows of the fragments that lack it",
                                snapshot,
                            )
                        })),
                }
            }
            Err(FileFault::Base(BaseError::Unknown(id))) => INFO
                .finding(format!(
                    "a data file is said to be behind base path {id}, which the manifest does not have"
                ))
                .instead("a base path of the manifest", format!("base path {id}"))
                .reader("to_table()", format!("fails: base_path id {id} not found"))
                .help("go back to a version whose manifest has the base path"),
            _ => return,
        };
        findings.add(finding.at(view.place()));
    }
}

/// Why a file behind a base path is missing, and what to do: it depends on whether anything is at
/// that path.
fn behind_base(finding: Finding, snapshot: &Snapshot, id: u32) -> Finding {
    let branch = snapshot.message().branch.as_deref();
    let branch = branch.filter(|branch| !branch.is_empty());
    match (snapshot.base_found(id), branch) {
        (Some((path, true)), _) => finding
            .cause(format!(
                "it should be behind base path {id}. {path} is there and no longer has the file: it \
                 was compacted or changed, and then cleaned up (cleanup_old_versions() does not know \
                 of shallow clones)"
            ))
            .help(format!("restore the file from a copy of {path}")),
        (Some((path, false)), Some(branch)) => finding
            .cause(format!(
                "it should be behind base path {id}, and nothing is at {path}: branch {branch} holds \
                 the path that the dataset had when the branch was made, and the dataset was moved"
            ))
            .help(format!(
                "move the dataset back to {path}, or put a link there that leads to where it is now"
            )),
        (Some((path, false)), None) => finding
            .cause(format!(
                "it should be behind base path {id}, and nothing is at {path}: what was there was \
                 moved or removed"
            ))
            .help(format!(
                "put it back to {path}, put a link there that leads to where it is now, or restore \
                 it from a copy"
            )),
        (None, _) => finding
            .cause(format!("it should be behind base path {id}"))
            .help("restore the file from a copy, or go back to a version that does not name it"),
    }
}
