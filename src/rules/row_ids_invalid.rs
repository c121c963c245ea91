use std::collections::BTreeMap;
use std::sync::Arc;

use super::{FragmentView, RowIdsOf, Rule, WholeView, manifest_place};
use crate::finding::{Finding, Findings, Place, RuleInfo};

rule! {
    /// The stable row ids of the dataset do not fit its rows. Each row has an id of its own, a
    /// fragment has as many ids as rows, and the manifest says which id comes next. The same goes
    /// for the versions in which rows were made and last changed.
    ///
    /// ## What readers do
    /// - An id is that of two rows. `to_table(with_row_id=True)` returns it for both **without a
    ///   word**, and whoever keeps row ids may find another row by them. Taking by row id fails in
    ///   pylance 14, whatever the id: `stable row id … is live in multiple fragments`.
    /// - A fragment has too many or too few ids. `to_table(with_row_id=True)` returns wrong ids
    ///   **silently**, or fails.
    /// - The ids do not decode. `to_table(with_row_id=True)` fails:
    ///   `corrupt file row ID metadata: …`.
    /// - The next id is one in use. The next append gives new rows the ids of others.
    /// - Row versions are too many or too few. The rows are read. Reading
    ///   `_row_created_at_version`, and compaction, fail:
    ///   `Got too few version runs for chunk 0`. Versions that do not decode fail to be read:
    ///   `Failed to decode RowDatasetVersionSequence`.
    /// - Row versions are newer than the dataset. They are returned **silently**.
    ///
    /// `Dataset.validate()` finds the first such fault.
    ///
    /// ## How it comes about
    /// - Fragments of another dataset were registered with the ids that they had there.
    /// - A commit was merged by hand.
    /// - Bugs of compaction and updates in releases that had just learnt stable row ids
    ///   (lance-format/lance#8075).
    ///
    /// ## How to fix it
    /// Go back to the last version in which they were right. It becomes the newest, and what was
    /// committed since is left behind:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// ## When it is silent
    /// An update moves a row with its id and deletes it where it was, so deleted rows do not
    /// count. Where more than 20 million ids overlap, they are not compared.
    static INFO = Error "row-ids-invalid", "stable row ids are too few, too many, repeated or cannot be read";
}

/// See [`INFO`].
pub struct RowIdsInvalid;

/// Most ids of runs that overlap which are compared one by one.
const MAX_COMPARED: u64 = 20_000_000;

const RESTORE: &str = super::fixes::GO_BACK;

impl Rule for RowIdsInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        let place = |detail: String| Place {
            fragment: Some(view.fragment.id),
            detail: Some(detail),
            ..manifest_place(view.snapshot)
        };
        let rows = view.fragment.physical_rows;
        match view.row_ids {
            None => {}
            Some(Err(detail)) => findings.add(
                INFO.finding("the row ids of a fragment cannot be read")
                    .at(place(format!("they {detail}")))
                    .instead("row ids that decode", "something else")
                    .reader(
                        "to_table(with_row_id=True)",
                        "fails: Encountered corrupt file row ID metadata: …",
                    )
                    .help(RESTORE),
            ),
            Some(Ok(ids)) if ids.len() != rows && rows > 0 => findings.add(
                INFO.finding("a fragment has other row ids than rows")
                    .at(place(format!("{} row ids for {rows} rows", ids.len())))
                    .instead(format!("{rows} row ids"), ids.len().to_string())
                    .reader(
                        "to_table(with_row_id=True)",
                        format!(
                            "returns wrong row ids silently, or fails; validate(): Fragment {} has {} row ids, \
                             but {rows} physical rows",
                            view.fragment.id,
                            ids.len()
                        ),
                    )
                    .help(RESTORE),
            ),
            Some(Ok(_)) => {}
        }
        for (what, versions) in view.row_versions {
            let call = format!("to_table(columns=[\"_row_{what}_version\"])");
            let newest = view.snapshot.version();
            let finding = match versions {
                Ok(versions) if versions.rows != rows && rows > 0 => INFO
                    .finding(format!("a fragment has other {what} versions than rows"))
                    .at(place(format!("{} {what} versions for {rows} rows", versions.rows)))
                    .instead(rows.to_string(), versions.rows.to_string())
                    .reader(
                        format!("{call}, compact_files()"),
                        "fails: Got too few version runs for chunk 0, or: Got too many version runs",
                    ),
                Ok(versions) if versions.newest > newest => INFO
                    .finding(format!("rows have a {what} version that is newer than the dataset"))
                    .at(place(format!("version {}", versions.newest)))
                    .instead(format!("{newest} at most"), versions.newest.to_string())
                    .reader(call, "returns these versions silently"),
                Ok(versions) if versions.oldest == 0 => INFO
                    .finding(format!("rows have a {what} version of 0, which no dataset has"))
                    .at(place("version 0".to_string()))
                    .instead("1 at least", "0")
                    .reader(call, "returns these versions silently"),
                Ok(_) => continue,
                Err(detail) => INFO
                    .finding(format!("the {what} versions of a fragment cannot be read"))
                    .at(place(format!("the {what} versions {detail}")))
                    .instead(rows.to_string(), "what does not decode")
                    .reader(
                        format!("{call} or validate()"),
                        "fails: Failed to decode RowDatasetVersionSequence",
                    ),
            };
            findings.add(finding.help(RESTORE));
        }
    }

    fn whole(&self, view: &WholeView<'_>, findings: &mut Findings) {
        if let Some(finding) = repeated(view.row_ids) {
            findings.add(finding.help(RESTORE));
        }
        let greatest = view.row_ids.iter().filter_map(|of| of.ids.greatest());
        let next = view.snapshot.message().next_row_id;
        if let Some(greatest) = greatest.max().filter(|greatest| next <= *greatest) {
            findings.add(
                INFO.finding("the manifest's next row id is one that is in use")
                    .at(manifest_place(view.snapshot))
                    .instead(format!("{} or more", greatest.saturating_add(1)), next.to_string())
                    .reader(
                        "write_dataset(…, mode=\"append\")",
                        format!(
                            "gives new rows the ids of others; validate(): will hand out row id {next} next, but \
                             row id {greatest} is already in use"
                        ),
                    )
                    .help(RESTORE),
            );
        }
    }
}

/// Finds an id that two rows have, neither of which is deleted. An update moves a row to another
/// fragment with its id, and deletes it where it was.
fn repeated(all: &[Arc<RowIdsOf>]) -> Option<Finding> {
    // Runs in order of their first id; only those that overlap need a closer look.
    let spans = all.iter().enumerate();
    let mut spans: Vec<(u64, u64, usize)> = spans
        .flat_map(|(at, of)| of.ids.spans().map(move |(low, high)| (low, high, at)))
        .collect();
    spans.sort_unstable();
    let mut suspects: BTreeMap<usize, ()> = BTreeMap::new();
    let mut reach: Option<(u64, usize)> = None;
    for (low, high, at) in spans {
        if let Some((until, other)) = reach.filter(|(until, _)| low <= *until) {
            suspects.insert(at, ());
            suspects.insert(other, ());
            reach = Some(if high > until {
                (high, at)
            } else {
                (until, other)
            });
        } else {
            reach = Some((high, at));
        }
    }
    let suspects: Vec<&RowIdsOf> = suspects
        .keys()
        .filter_map(|at| all.get(*at).map(AsRef::as_ref))
        .collect();
    let ids = suspects.iter().map(|of| of.ids.len());
    if ids.fold(0, u64::saturating_add) > MAX_COMPARED {
        return None;
    }
    let mut seen: roaring::RoaringTreemap = roaring::RoaringTreemap::new();
    let mut count = 0u64;
    let mut first = None;
    for of in suspects {
        for (offset, id) in (0u32..).zip(of.ids.iter()) {
            if of
                .deleted
                .as_ref()
                .is_some_and(|deleted| deleted.contains(offset))
            {
                continue;
            }
            if !seen.insert(id) {
                count += 1;
                first.get_or_insert((of.fragment, id));
            }
        }
    }
    let (fragment, id) = first?;
    Some(
        INFO.finding("rows have the row ids of other rows")
            .at(Place {
                fragment: Some(fragment),
                detail: Some(format!("row id {id} is another row's too")),
                ..Place::default()
            })
            .instead("an id of its own for each row", format!("{count} ids of two rows"))
            .reader(
                "a take by row id",
                format!("fails: stable row id {id} is live in multiple fragments; validate(): Row id {id} is live in both"),
            ),
    )
}
