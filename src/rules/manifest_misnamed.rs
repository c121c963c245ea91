use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, Place, Remedy, RuleInfo, Severity};
use crate::model::snapshot::{ManifestEntry, Naming};

rule! {
    /// The names of the manifests in `_versions` do not fit together, or a name does not fit what
    /// is in the file. Lance has two schemes of names: `12.manifest` and
    /// `18446744073709551603.manifest` are both version 12.
    ///
    /// ## What readers do
    /// With names of both schemes in one folder, `lance.dataset(uri)` of current releases fails
    /// with `Found multiple manifest naming schemes in the same directory`. Lance 0.32.1 may still
    /// open it, and fail after the next commit.
    ///
    /// A name for another version than the manifest holds is a warning. The dataset opens and says
    /// that it is the version in the file. `lance.dataset(uri, version=…)` does not find that
    /// version. The next commit may find its number taken and give up:
    /// `Commit conflict for version …`. The same warning is given for a file that is named as
    /// detached and holds a version of the dataset's own line.
    ///
    /// ## How it comes about
    /// - A dataset was copied over another.
    /// - A migration of the names was cut short.
    /// - A file was renamed by hand, or copied from another version or dataset.
    ///
    /// ## How to fix it
    /// If all manifests are of this dataset, give those of the old scheme their new names. The new
    /// name is 18446744073709551615 less the version, in 20 digits. For version 12:
    ///
    /// ```text
    /// mv _versions/12.manifest _versions/18446744073709551603.manifest
    /// ```
    ///
    /// Where the new name is taken, one of the two files is of another dataset.
    ///
    /// For a name that says another version than the file, restore the file from a copy. Or move
    /// it away. The dataset then opens as the version before it, without what was committed since.
    static INFO = Error "manifest-misnamed", "manifests are named by two schemes, or for another version than they hold";
}

/// See [`INFO`].
pub struct ManifestMisnamed;

/// The bit that versions of detached manifests have (lance-table `io/commit.rs`).
const DETACHED: u64 = 1 << 63;

/// Most renames that a fix spells out.
const MAX_RENAMES: usize = 5;

impl Rule for ManifestMisnamed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        mixed(view.manifests, findings);
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let (named, held) = (snapshot.entry.version, snapshot.version());
        let message = match snapshot.entry.naming {
            Naming::LatestFile => return,
            Naming::Detached if held & DETACHED == 0 => {
                "a manifest that is named as detached holds a version of the dataset's own line"
                    .to_string()
            }
            _ if named != held => {
                format!("the manifest named for version {named} holds version {held}")
            }
            _ => return,
        };
        // The rows of an older version come back; a version from ahead holds what it holds.
        let (severity, effect) = match held < named {
            true => (
                Severity::Error,
                format!(
                    "opens it as version {held}: what was committed since is silently not there"
                ),
            ),
            false => (
                Severity::Error,
                format!(
                    "opens it and says that it is version {held}; versions() lists {held}, which does not \
                     open, and the next commit may find its number taken, and give up"
                ),
            ),
        };
        findings.add(
            INFO.finding(message)
                .severity(severity)
                .at(manifest_place(snapshot))
                .instead(format!("version {named}"), format!("version {held}"))
                .reader("lance.dataset(uri)", effect)
                .cause("the file was renamed, or copied from another version or dataset")
                .help("restore the file from a copy, or go back to a version whose name is right"),
        );
    }
}

fn mixed(manifests: &[ManifestEntry], findings: &mut Findings) {
    let of = |naming| manifests.iter().filter(move |entry| entry.naming == naming);
    let (old, new) = (of(Naming::V1), of(Naming::V2));
    let (Some(first_old), Some(_)) = (of(Naming::V1).next(), of(Naming::V2).next()) else {
        return;
    };
    let renames = of(Naming::V1).take(MAX_RENAMES).map(|entry| {
        format!(
            "mv {} _versions/{:020}.manifest",
            entry.path,
            u64::MAX - entry.version
        )
    });
    let renames: Vec<String> = renames.collect();
    let more = match of(Naming::V1).count() > MAX_RENAMES {
        true => "\nand so on: the name is 18446744073709551615 less the version, in 20 digits",
        false => "",
    };
    findings.add(
        INFO.finding("the manifests of the dataset are named by two schemes")
            .at(Place {
                file: Some(first_old.path.clone()),
                ..Place::default()
            })
            .instead(
                "names of one scheme",
                format!(
                    "{} of the old scheme and {} of the new",
                    old.count(),
                    new.count()
                ),
            )
            .reader(
                "lance.dataset(uri)",
                "fails: Found multiple manifest naming schemes in the same directory",
            )
            .cause("a migration of the names was cut short, or one dataset was copied over another")
            .help(Remedy::with_code(format!(
                "if both are of this dataset, give those of the old scheme their new names; where the \
                 new name is taken, one of the two is of another dataset:\n{}{more}",
                renames.join("\n")
            ))),
    );
}
