use super::{DatasetView, FileView, Rule};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::snapshot::stated_version;
use crate::model::version::FileVersion;

rule! {
    /// The manifest and a data file's footer disagree on the file's version. Or the version is one
    /// that Lance 14.0.2 does not know.
    ///
    /// ## What readers do
    /// Readers choose the decoder by the footer. If the footer is wrong, pages of one version are
    /// read as another, and `to_table()` fails with one of these:
    ///
    /// ```text
    /// … is not part of the Lance v2.1 grammar
    /// Lance v2.2 miniblock pages require the u32 chunk grammar
    /// unexpected type URL.type_url
    /// ```
    ///
    /// An unknown version in a footer fails the scan: `Unknown Lance storage version: 9.9`. In the
    /// manifest it keeps the dataset from opening, with the same words. So does a name such as
    /// `stable`, which is for writers and must not be stored.
    ///
    /// The columns of such a file are listed and not judged.
    ///
    /// ## How it comes about
    /// - The file was replaced by one of another version.
    /// - Its footer was damaged.
    /// - Its writer registered it wrongly.
    /// - A Lance newer than 14.0.2 wrote it.
    ///
    /// ## How to fix it
    /// If a newer Lance wrote it, read it with that. Else restore the file, or the manifest, that
    /// was committed from a copy. Or go back to a version before it, without what was committed
    /// since:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// If the dataset does not open, that fails. Move the newest manifest away then.
    ///
    /// ## When it is silent
    /// The first Lance releases state no version at all for a data file. That means 0.1.
    static INFO = Error "file-version-mismatch", "a data file's version is unknown, or not the one that the manifest states";
}

/// See [`INFO`].
pub struct FileVersionMismatch;

impl Rule for FileVersionMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let Some(format) = &snapshot.message().data_format else {
            return;
        };
        let name = &format.version;
        if FileVersion::from_name(name).is_some() {
            return;
        }
        findings.add(
            INFO.finding(format!(
                "the manifest's storage version is {name:?}, which lance-lint does not know (it knows Lance \
                 up to 14.0.2)"
            ))
            .at(Place {
                file: Some(snapshot.entry.path.clone()),
                ..Place::default()
            })
            .instead("0.1, 2.0, 2.1, 2.2 or 2.3", format!("{name:?}"))
            .reader(
                "lance.dataset(uri)",
                format!("fails: Unknown Lance storage version: {name}"),
            )
            .help(
                "if a newer Lance wrote it, read it with that; names such as stable are for writers and \
                 must not be stored: restore the manifest from a copy",
            ),
        );
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let Ok(data) = view.state else { return };
        let (major, minor) = data.footer_version();
        let Some(version) = data.version else {
            findings.add(
                INFO.finding(format!(
                    "a data file says it is of version {major}.{minor}, which lance-lint does not \
                     know (it knows Lance up to 14.0.2)"
                ))
                .at(view.place())
                .instead("0.1, 2.0, 2.1, 2.2 or 2.3", format!("{major}.{minor}"))
                .reader(
                    "to_table()",
                    format!("fails: Unknown Lance storage version: {major}.{minor}"),
                )
                .help("read it with a newer Lance, or restore the file from a copy"),
            );
            return;
        };
        let Some(entry) = view.entry else { return };
        let stated = stated_version(entry);
        if stated == Some(version) {
            return;
        }
        // Data files of the first Lance releases state no version at all: 0.0 means 0.1.
        let stated_text = stated.map_or_else(
            || format!("{}.{}", entry.file_major_version, entry.file_minor_version),
            |stated| stated.to_string(),
        );
        findings.add(
            INFO.finding(format!(
                "the manifest states version {stated_text} for a data file of version {version}"
            ))
            .at(view.place())
            .instead(stated_text, version.to_string())
            .reader(
                "to_table()",
                "fails: … is not part of the Lance v2.1 grammar, Lance v2.2 miniblock pages require the \
                 u32 chunk grammar, or: unexpected type URL.type_url",
            )
            .cause(
                "the file was replaced by one of another version, its footer was damaged, or its \
                 writer registered it wrongly",
            )
            .help("restore the file that was committed from a copy"),
        );
    }
}
