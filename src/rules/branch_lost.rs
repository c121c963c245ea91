use super::fixes::py;
use super::{DatasetView, Rule};
use crate::finding::{Finding, Findings, Place, RuleInfo};
use crate::model::history::{BranchLack, LostBranch};
use crate::model::target::{BRANCHES, VERSIONS};

rule! {
    /// A branch is on record in `_refs/branches`, and its versions are gone, or the files that it
    /// shares with the dataset are not where it looks for them.
    ///
    /// ## What readers do
    /// The dataset itself opens and scans as before. What the branch does depends on what it lacks
    /// (pylance 14.0.2):
    ///
    /// - Its versions: `checkout_version(("dev", None))` fails with `Not found:
    ///   …/tree/dev/_versions`, and `create_branch("dev")` with `branch dev already exists`.
    /// - The shared files: the branch opens and counts its rows. `to_table()` fails with
    ///   `Not found: …/data/….lance`.
    ///
    /// ## How it comes about
    /// - The folder `tree` was not copied, or was removed by hand.
    /// - The dataset was moved or renamed. A branch holds the absolute path that the dataset had
    ///   when the branch was made.
    ///
    /// ## How to fix it
    /// For lost versions, restore the folder from a copy, or delete the branch. Tags that name it
    /// must be deleted first:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.branches.delete("dev")
    /// ```
    ///
    /// For a dataset that was moved, move it back, or put a link where it was:
    ///
    /// ```text
    /// ln -s NEW_PATH OLD_PATH
    /// ```
    ///
    /// No public call of pylance 14.0.2 changes the path that a branch holds.
    ///
    /// ## When it is silent
    /// Where something else is now at the old path, `lance-lint --branch dev` says which files are
    /// missing. So it does for a branch that is checked by itself.
    static INFO = Error "branch-lost", "a branch has no versions, or looks for its files where the dataset no longer is";
}

/// See [`INFO`].
pub struct BranchLost;

impl Rule for BranchLost {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for branch in view.lost_branches {
            let LostBranch { name, lack } = branch;
            let finding = match lack {
                BranchLack::Versions => {
                    let tags = view.lost_tags.iter().map(|lost| &lost.tag);
                    let tags = tags.filter(|tag| tag.branch.as_ref() == Some(name));
                    without_versions(name, tags.map(|tag| tag.name.as_str()))
                }
                BranchLack::Base { path, moved } => without_base(view, name, path, *moved),
            };
            findings.add(finding.at(Place {
                file: Some(format!("{BRANCHES}/{name}")),
                ..Place::default()
            }));
        }
    }
}

fn without_versions<'a>(name: &str, tags: impl Iterator<Item = &'a str>) -> Finding {
    let tags = tags.map(|tag| format!("ds.tags.delete({})\n", py(tag)));
    let tags: String = tags.collect();
    INFO.finding(format!(
        "branch {name:?} is on record, and its versions are not there"
    ))
    .instead(format!("manifests in {BRANCHES}/{name}/{VERSIONS}"), "none")
    .reader(
        format!("checkout_version(({name:?}, None))"),
        format!("fails: Not found: …/{BRANCHES}/{name}/{VERSIONS}"),
    )
    .reader(
        format!("create_branch({name:?})"),
        format!("fails: branch {name} already exists"),
    )
    .cause(format!(
        "{BRANCHES}/{name} was removed by hand, or not copied"
    ))
    .help(format!("restore {BRANCHES}/{name} from a copy"))
    .help_code(format!(
        "or, if there is no copy, delete the branch; the other branches keep all they have:\n\
         ds = lance.dataset(uri)\n\
         {tags}ds.branches.delete({})",
        py(name)
    ))
}

fn without_base(view: &DatasetView<'_>, name: &str, path: &str, moved: bool) -> Finding {
    let finding = INFO
        .finding(format!(
            "branch {name:?} looks for its files at a path where nothing is"
        ))
        .instead(
            "the dataset that the branch was made from",
            format!("nothing at {path}"),
        )
        .reader(
            format!("checkout_version(({name:?}, None)).to_table()"),
            "fails: Not found: …/data/….lance",
        );
    match view.snapshot.filter(|_| moved) {
        Some(snapshot) => finding
            .cause(
                "the dataset was moved or renamed after the branch was made; a branch holds the \
                 absolute path that the dataset had then",
            )
            .help(format!(
                "move the dataset back, or, on a local disk, make a link from {path} to {} (no public \
                 call of pylance 14.0.2 changes the path)",
                snapshot.root
            )),
        None => finding
            .cause("what was there was moved or removed")
            .help(format!("restore {path} from a copy")),
    }
}
