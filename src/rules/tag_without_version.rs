use super::{DatasetView, Rule};
use crate::finding::{Findings, Place, RuleInfo};

rule! {
    /// A tag names a version whose manifest is gone or damaged. Opening the dataset by the tag fails; the data of
    /// that version may be there still, and nothing tells which files it was. Lance does not clean up
    /// versions that a tag names.
    ///
    /// It comes about when manifests are removed by hand or by age, and when a dataset is copied in part.
    static INFO = Error "tag-without-version", "a tag names a version whose manifest is gone or damaged";
}

/// See [`INFO`].
pub struct TagWithoutVersion;

impl Rule for TagWithoutVersion {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for tag in view.lost_tags {
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
                .cause("the manifest was removed by hand, or not copied")
                .mend(format!(
                    "restore the manifest from a copy, or let the tag go:\n\
                         lance.dataset(uri).tags.delete({:?})",
                    tag.name
                )),
            );
        }
    }
}
