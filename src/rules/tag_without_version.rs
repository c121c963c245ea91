use super::fixes::py;
use super::{DatasetView, Rule};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::history::{BranchLack, LostTag};

rule! {
    /// A tag names a version whose manifest is gone or damaged.
    ///
    /// ## What readers do
    /// `lance.dataset(uri, version="tag")` fails: `Not found: …/_versions/….manifest`. The dataset
    /// itself, and its other versions, open as before.
    ///
    /// The data of the lost version may still be there. Without the manifest nothing tells which
    /// files it was.
    ///
    /// ## How it comes about
    /// - Manifests were removed by hand or by their age.
    /// - The dataset was copied in part.
    /// - The branch that the version is of was removed by hand. `branches.delete()` of pylance
    ///   14.0.2 refuses to delete a branch that has tags.
    ///
    /// Lance itself does not clean up a version that a tag names.
    ///
    /// ## How to fix it
    /// Restore the manifest from a copy. The finding names the version and, where there is one,
    /// the branch.
    ///
    /// Or let the tag go. Nothing but the name is lost by that:
    ///
    /// ```python
    /// lance.dataset(uri).tags.delete("tag")
    /// ```
    static INFO = Error "tag-without-version", "a tag names a version whose manifest is gone or damaged";
}

/// See [`INFO`].
pub struct TagWithoutVersion;

impl Rule for TagWithoutVersion {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for LostTag { tag, line_is_empty } in view.lost_tags {
            // What a whole branch lacks is said of the branch.
            let mut branches = view.lost_branches.iter();
            if branches.any(|branch| {
                Some(&branch.name) == tag.branch.as_ref() && branch.lack == BranchLack::Versions
            }) {
                continue;
            }
            let of = match &tag.branch {
                Some(branch) => format!("version {} of branch {branch}", tag.version),
                None => format!("version {}", tag.version),
            };
            findings.add(
                INFO.finding(format!(
                    "tag {:?} names {of}, whose manifest is gone or damaged",
                    tag.name
                ))
                .at(Place {
                    file: Some(format!("_refs/tags/{}.json", tag.name)),
                    ..Place::default()
                })
                .instead("a version that is there", of)
                .reader(
                    format!("lance.dataset(uri, version={:?})", tag.name),
                    "fails: Not found: …/_versions/….manifest",
                )
                .cause(match &tag.branch {
                    Some(branch) if *line_is_empty => format!(
                        "branch {branch} is gone: nothing of it is in tree (pylance \
                         14.0.2 refuses to delete a branch that has tags)"
                    ),
                    _ => "the manifest was removed by hand, or not copied".to_string(),
                })
                .help_code(format!(
                    "restore the manifest from a copy, or let the tag go:\n\
                         lance.dataset(uri).tags.delete({})",
                    py(&tag.name)
                )),
            );
        }
    }
}
