use super::fixes::py;
use super::{DatasetView, Rule};
use crate::finding::{Finding, Findings, Place, RuleInfo};
use crate::model::refs::BadRef;

rule! {
    /// The file of a tag in `_refs/tags`, or of a branch in `_refs/branches`, is not the JSON that
    /// Lance expects.
    ///
    /// ## What readers do
    /// The dataset opens and scans as before. What lists all tags or branches fails (pylance
    /// 14.0.2):
    ///
    /// - For a tag: `tags.list()`, `lance.dataset(uri, version="tag")` and
    ///   `cleanup_old_versions()`.
    /// - For a branch: `branches.list()`, `branches.delete()` of that branch and
    ///   `cleanup_old_versions()`.
    ///
    /// ```text
    /// EOF while parsing a value at line 1 column 0
    /// missing field `manifestSize` at line 1 column 140
    /// ```
    ///
    /// ## How it comes about
    /// The file was damaged in storage, or written by hand.
    ///
    /// ## How to fix it
    /// Restore the file from a copy.
    ///
    /// Without a copy, delete the tag and create it again. That works though its file is damaged:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.tags.delete("tag")
    /// ds.tags.create("tag", 1)
    /// ```
    ///
    /// `branches.delete()` reads the file first, and fails. Do not remove the file of a branch:
    /// without it, a clean-up takes the files of the branch for files that nobody needs. Write the
    /// JSON again with `parentBranch` (`null` for the dataset itself), `parentVersion`, `createAt`
    /// (seconds since 1970), `manifestSize` (bytes) and `metadata` (an object of texts).
    static INFO = Error "ref-unreadable", "the file of a tag or branch cannot be read";
}

/// See [`INFO`].
pub struct RefUnreadable;

impl Rule for RefUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for bad in view.bad_refs {
            findings.add(finding(bad));
        }
    }
}

fn finding(bad: &BadRef) -> Finding {
    let BadRef {
        is_branch,
        name,
        path,
        error,
        version,
    } = bad;
    let kind = match is_branch {
        true => "branch",
        false => "tag",
    };
    let finding = INFO
        .finding(format!("the file of {kind} {name:?} cannot be read"))
        .at(Place {
            file: Some(path.clone()),
            ..Place::default()
        })
        .instead(format!("the JSON of a {kind}"), error.clone());
    let fails = format!("fails: {error}");
    let finding = match is_branch {
        true => finding.reader("branches.list()", fails.clone()),
        false => finding.reader("tags.list()", fails.clone()).reader(
            format!("lance.dataset(uri, version={name:?})"),
            fails.clone(),
        ),
    };
    let finding = finding
        .reader("cleanup_old_versions()", fails)
        .help("restore the file from a copy");
    match (is_branch, version) {
        (true, _) => finding.help(
            "or write it again: an object with parentBranch (null for the dataset itself), parentVersion, \
             createAt (seconds since 1970), manifestSize (bytes) and metadata (an object of texts); do not \
             remove it, since a clean-up would then remove the files of the branch",
        ),
        (false, Some(version)) => finding.help_code(format!(
            "or delete the tag and create it again; no data is touched:\n\
             ds = lance.dataset(uri)\n\
             ds.tags.delete({name})\n\
             ds.tags.create({name}, {version})",
            name = py(name)
        )),
        (false, None) => finding.help_code(format!(
            "or delete the tag; no data is touched:\n\
             lance.dataset(uri).tags.delete({})",
            py(name)
        )),
    }
}
