use super::{FragmentView, Rule};
use crate::finding::{Findings, Place, RuleInfo};

rule! {
    /// A deletion file lists other rows than the manifest counts, or rows that the fragment does not
    /// have. `count_rows()` goes by the manifest's count, scans go by the file, so that the two
    /// differ **without a word**.
    ///
    /// It comes about when a deletion file was replaced by another of its name, or when two writers
    /// that do not see each other's commits deleted rows at once.
    static INFO = Error "deletions-contradicted", "a deletion file lists other rows than the manifest counts or the fragment has";
}

/// See [`INFO`].
pub struct DeletionsContradicted;

impl Rule for DeletionsContradicted {
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
                "validate()",
                "fails: deletion vector contains an offset that is out of range; scans give back rows that \
                 were deleted",
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
                .mend(
                    "restore the deletion file that was committed from a copy, or go back to the last version \
                     that was right, which becomes the newest:\n\
                     lance.dataset(uri, version=N).restore()",
                ),
        );
    }
}
