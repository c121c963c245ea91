use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::encoding::Vocabulary;
use crate::model::version::FileVersion;
use crate::typing::pages::is_unfinished;

rule! {
    /// A file of version 2.1, 2.2 or 2.3 was written before that version was finished, in page
    /// layouts that only the releases of the time read: 2.1 by Lance up to 0.32, 2.2 by Lance 0.34
    /// to 1.0 (mini-block chunks counted in 16 bits), 2.3 by Lance 3 to 13.
    static INFO = Error "pre-stable-pages", "a file was written before its version was finished; today's readers refuse it";
}

/// See [`INFO`].
pub struct PreStablePages;

impl Rule for PreStablePages {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let found = view.column.pages.iter().enumerate().find_map(|(at, page)| {
            let encoding = page.encoding.as_ref().ok()?;
            match (view.version, encoding.vocabulary) {
                (FileVersion::V2_1 | FileVersion::V2_2, Vocabulary::PreStable) => {
                    Some((at, encoding, "0.16 to 0.32"))
                }
                (version, _) if is_unfinished(version, encoding) => {
                    Some((at, encoding, "0.34 to 1.0"))
                }
                (FileVersion::V2_3, Vocabulary::Structural) => Some((at, encoding, "3 to 13")),
                _ => None,
            }
        });
        let Some((page, encoding, writers)) = found else {
            return;
        };
        let mut expected = match view.version {
            FileVersion::V2_3 => Vocabulary::Planar.type_url(),
            _ => Vocabulary::Structural.type_url(),
        };
        let mut got = encoding.vocabulary.type_url();
        let mut effect = format!(
            "fails: failed to decode Protobuf message: unexpected type URL.type_url: expected type \
             URL: \"{expected}\" (got: \"{got}\")"
        );
        if expected == got {
            expected = "mini-block pages with 32-bit chunk words";
            got = "mini-block pages with 16-bit chunk words";
            effect = "fails: Lance v2.2 miniblock pages require the u32 chunk grammar".to_string();
        }
        let version = view.version;
        // One finding for the dataset: the version of the file is at fault, not its columns.
        findings.add(
            INFO.finding(format!(
                "files of version {version} were written before that version was finished; today's \
                 Lance refuses them"
            ))
            .at(view.page_place(page))
            .instead(expected, got)
            .reader("to_table()", effect)
            .cause(format!("Lance {writers} wrote an unfinished {version}"))
            .mend(format!(
                "read it with a pylance of that time (the manifest's writer version tells which), \
                 and write it anew as 2.0:\n\
                 pip install \"pylance=={}\"",
                match version {
                    FileVersion::V2_3 => "13.0.0",
                    FileVersion::V2_2 => "1.0.4",
                    _ => "0.32.1",
                }
            )),
        );
    }
}
