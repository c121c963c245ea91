use super::{ColumnView, Rule, fixes};
use crate::finding::{Findings, RuleInfo};
use crate::format::encoding::EnvelopeFault;
use crate::model::encoding::{EncodingFamily, EncodingFault};
use crate::model::readers::{UNFINISHED_2_1, UNFINISHED_2_2, UNFINISHED_2_3, V2_0_OF_0_12};
use crate::model::version::FileVersion;
use crate::typecheck::pages::is_unfinished;

rule! {
    /// A file of version 2.0, 2.1, 2.2 or 2.3 was written before that version was finished. Its
    /// pages are laid out in a way that only the releases of the time read.
    ///
    /// ## What readers do
    /// The dataset opens, and every scan fails. For 2.0:
    ///
    /// ```text
    /// Missing ColumnEncoding encoding description
    /// ```
    ///
    /// For 2.1 and 2.3:
    ///
    /// ```text
    /// failed to decode Protobuf message: unexpected type URL.type_url: expected type URL: "…"
    /// ```
    ///
    /// For 2.2:
    ///
    /// ```text
    /// Lance v2.2 miniblock pages require the u32 chunk grammar
    /// ```
    ///
    /// ## How it comes about
    /// These releases wrote unfinished versions, when they were asked for them by
    /// `data_storage_version`:
    ///
    /// - 2.0 by Lance 0.12 (`use_legacy_format=False`), whose columns have no encoding of their
    ///   own.
    /// - 2.1 by Lance 0.16 to 0.32 (lance-format/lance#3354).
    /// - 2.2 by Lance 0.34 to 1.0, with mini-block chunks counted in 16 bits.
    /// - 2.3 by Lance 3 to 13.
    ///
    /// Nothing is damaged.
    ///
    /// ## How to fix it
    /// Read it with a pylance of that time, and write it again with today's. The manifest's writer
    /// version, in the header, tells which release that is. For 2.1 take the last one that wrote
    /// it so, or the very one that wrote it: files of 0.16 to 0.20 are not read by most later
    /// ones.
    ///
    /// ```text
    /// pip install "pylance==0.12.1" pandas   # 2.0
    /// pip install "pylance==0.32.1" pandas   # 2.1
    /// pip install "pylance==1.0.4" pandas    # 2.2
    /// pip install "pylance==13.0.0" pandas   # 2.3
    /// ```
    ///
    /// ```python
    /// import lance, pyarrow.feather
    /// pyarrow.feather.write_feather(lance.dataset(uri).to_table(), "rows.arrow")
    /// # with today's pylance
    /// lance.write_dataset(pyarrow.feather.read_table("rows.arrow"), new_uri)
    /// ```
    ///
    /// Do not let the old release write the new dataset: it loses nulls that its other file
    /// versions cannot hold. The new dataset has one version and no indices. The old one keeps its
    /// history.
    static INFO = Error "pre-stable-pages", "a file was written before its version was finished; today's readers refuse it";
}

/// See [`INFO`].
pub struct PreStablePages;

impl Rule for PreStablePages {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let bare = view.version == FileVersion::V2_0
            && !view.column.pages.is_empty()
            && view.column.encoding.as_ref().is_err_and(|fault| {
                matches!(**fault, EncodingFault::Envelope(EnvelopeFault::None))
            });
        if bare {
            findings.add(
                INFO.finding(
                    "files of version 2.0 were written before that version was finished; today's Lance \
                     refuses them",
                )
                .at(view.place())
                .instead("a column encoding", "none")
                .reader(
                    "to_table()",
                    "fails: Missing ColumnEncoding encoding description",
                )
                .cause(V2_0_OF_0_12.cause)
                .help(fixes::rewrite_old(&V2_0_OF_0_12, view.schema)),
            );
            return;
        }
        let found = view.column.pages.iter().enumerate().find_map(|(at, page)| {
            let encoding = page.encoding.as_ref().ok()?;
            match (view.version, encoding.vocabulary) {
                (FileVersion::V2_1 | FileVersion::V2_2, EncodingFamily::PreStable) => {
                    Some((at, encoding, &UNFINISHED_2_1))
                }
                (version, _) if is_unfinished(version, encoding) => {
                    Some((at, encoding, &UNFINISHED_2_2))
                }
                (FileVersion::V2_3, EncodingFamily::Structural) => {
                    Some((at, encoding, &UNFINISHED_2_3))
                }
                _ => None,
            }
        });
        let Some((page, encoding, layout)) = found else {
            return;
        };
        let mut expected = match view.version {
            FileVersion::V2_3 => EncodingFamily::Planar.type_url(),
            _ => EncodingFamily::Structural.type_url(),
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
            .cause(layout.cause)
            .help(fixes::rewrite_old(layout, view.schema)),
        );
    }
}
