use super::{ColumnView, Rule, page};
use crate::finding::{Findings, RuleInfo};
use crate::typecheck::TypeErrorKind;
use crate::typecheck::pages::stops_file;

rule! {
    /// The buffers of a page are not those that its encoding reads. They are too few or too many,
    /// too small for the rows, at an offset that readers refuse, or beyond the data.
    ///
    /// ## What readers do
    /// Readers of 2.1 and later check counts and alignment, and fail or panic. Readers of 2.0 read
    /// past the end of a buffer into whatever stands there, and return it **as values without a
    /// word**.
    ///
    /// - Offsets and sizes of other numbers:
    ///   `Column … page … has … buffer offsets but … buffer sizes`.
    /// - A buffer that is not at a multiple of 64 bytes (2.1 and later):
    ///   `… buffer offset … is not aligned to 64 bytes`.
    /// - A buffer beyond the data: `Invalid range …`, or wrong values silently.
    /// - A buffer that the page does not have (2.0): panics,
    ///   `index out of bounds: the len is … but the index is …`.
    /// - Other numbers than the encoding needs: `… mini-block has … buffers, expected …`, or a
    ///   panic.
    /// - Chunk or index buffers of the wrong size: panics in `miniblock_decode.rs` or
    ///   `chunk_index.rs`, or returns wrong rows silently.
    ///
    /// ## How it comes about
    /// - The file's metadata was damaged or edited.
    /// - A tool copied pages without what describes them.
    ///
    /// Fewer bytes than expected are also the matter of lance-format/lance#5674, whose cause is
    /// not known.
    ///
    /// ## How to fix it
    /// Restore the file from a copy, or write the column again from its source. Where offsets and
    /// sizes are of other numbers, or a buffer is not at a multiple of 64 bytes, readers refuse
    /// the whole file. Else read the other columns until then:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    static INFO = Error "page-buffers-mismatch", "a page's buffers are not those that its encoding reads";
}

/// See [`INFO`].
pub struct PageBuffersMismatch;

/// Where no column can be read.
const RESTORE_FILE: &str = "restore the file from a copy, or write it again from its source; until then its other columns \
                            cannot be read either";

impl Rule for PageBuffersMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let (offsets, sizes) = view.column.buffer_counts;
        if offsets != sizes {
            let path = &view.field.path;
            findings.add(
                INFO.finding(format!(
                    "column `{path}` has buffers of its own without a size or an offset"
                ))
                .column(path)
                .at(view.place())
                .instead(
                    "one size for each offset",
                    format!("{offsets} offsets beside {sizes} sizes"),
                )
                .reader(
                    "to_table()",
                    format!(
                        "fails: Column … has {offsets} buffer offsets but {sizes} buffer sizes"
                    ),
                )
                .help(RESTORE_FILE),
            );
        }
        for fault in page::about(view, TypeErrorKind::Buffers)
            .chain(page::about(view, TypeErrorKind::Unread))
        {
            let path = &view.field.path;
            let message =
                format!("the buffers of column `{path}` are not those that its encoding reads");
            let finding = page::finding(&INFO, view, fault, message);
            let page = view.column.pages.get(fault.page);
            findings.add(
                match page.is_some_and(|page| stops_file(page, view.version)) {
                    true => finding.help(RESTORE_FILE),
                    false => finding.help(view.restore_mend()),
                },
            );
        }
    }
}
