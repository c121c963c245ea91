use super::{FragmentView, Rule, fixes};
use crate::finding::{Findings, Place, RuleInfo};

rule! {
    /// A deletion file lists another number of rows than the manifest counts, or rows that the
    /// fragment does not have.
    ///
    /// ## What readers do
    /// `count_rows()` goes by the manifest's count. Scans go by the file. So the two differ
    /// **silently**. If the manifest counts more deleted rows than the fragment has,
    /// `count_rows()` returns 0 or a huge number.
    ///
    /// If the file lists rows that the fragment does not have, `to_table()` of 0.32.1 and 14.0.2
    /// mostly fails with `Invalid read of range … for fragment … with … addressable rows`, and
    /// `take()` of the last rows fails. It depends on which rows are listed: some lists only hide
    /// the wrong rows.
    ///
    /// If the deletion files of two fragments were swapped, scans hide the wrong rows, and give
    /// back rows that were deleted.
    ///
    /// `validate()` finds all of these: `deletion vector length does not match metadata`, or
    /// `deletion vector contains an offset that is out of range`.
    ///
    /// ## How it comes about
    /// - A deletion file was replaced by another of its name: that of another fragment, version or
    ///   dataset.
    /// - Two writers that do not see each other's commits deleted rows at once.
    ///
    /// ## How to fix it
    /// Restore the deletion file that was committed from a copy. Or go back to the last version
    /// that was right, which becomes the newest. What was committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// A count of 0 means that the manifest does not say how many rows were deleted. Nor is
    /// anything said of a fragment whose number of rows the manifest does not state.
    static INFO = Error "deletion-file-mismatch", "a deletion file lists other rows than the manifest counts or the fragment has";
}

/// See [`INFO`].
pub struct DeletionFileMismatch;

impl Rule for DeletionFileMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        let Some(state) = view.deletion else { return };
        let (stated, rows) = (state.stated, view.fragment.physical_rows);
        let listed = state.rows.as_ref().ok();
        let beyond = listed.and_then(|listed| listed.max());
        let beyond = beyond.filter(|beyond| rows > 0 && u64::from(*beyond) >= rows);
        let count = listed.map(|listed| listed.len());
        let fault = if let Some(beyond) = beyond {
            Some((
                format!("rows from 0 to {}", rows - 1),
                format!("row {beyond}"),
                "to_table()",
                "fails: Invalid read of range … for fragment … with … addressable rows, or gives back rows \
                 that were deleted; validate(): deletion vector contains an offset that is out of range",
            ))
        } else if let Some(count) = count.filter(|count| stated != 0 && *count != stated) {
            Some((
                format!("{stated} deleted rows, as the manifest says"),
                format!("{count}"),
                "count_rows()",
                "returns another number than a scan has rows; validate(): deletion vector length does not match \
                 metadata",
            ))
        } else if rows > 0 && stated > rows {
            Some((
                format!("at most {rows} deleted rows, as many as there are"),
                format!("{stated}, as the manifest says"),
                "count_rows()",
                "returns 0, or a huge number",
            ))
        } else {
            None
        };
        let Some((expected, found, call, effect)) = fault else {
            return;
        };
        findings.add(
            INFO.finding("a deletion file does not fit its fragment or the manifest")
                .at(Place {
                    fragment: Some(view.fragment.id),
                    file: Some(state.path.clone()),
                    detail: Some(format!("{found} instead of {expected}")),
                    ..Place::default()
                })
                .instead(expected, found)
                .reader(call, effect)
                .cause("the deletion file is that of another fragment, version or dataset")
                .help(format!(
                    "restore the deletion file that was committed from a copy, or {}",
                    fixes::GO_BACK
                )),
        );
    }
}
